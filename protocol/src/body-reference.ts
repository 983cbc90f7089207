/**
 * A body that no frame carries: a request or a response with the flag `elsewhere` has this in its place. Its sender keeps the
 * body, and the reader fetches it over a pipe (`body:TICKET`), once: the JSON, then the raw tail, without anything between them.
 */
import * as z from 'zod/mini'
import { digestField, ticketField } from './pipe.ts'

const size = z.int().check(z.gte(0))

export const bodyReferenceSchema = z
  .looseObject({
    ticket: ticketField,
    /** Of JSON and tail together. */
    bytes: size,
    /** Of those the JSON part; 0: raw bytes alone. */
    json: size,
    /** Whether a raw tail follows the JSON. */
    tail: z.boolean(),
    /** Of all bytes. */
    sha256: digestField,
  })
  .check(z.refine(({ bytes, json, tail }) => json <= bytes && (tail || json === bytes)))
export type BodyReference = z.output<typeof bodyReferenceSchema>

/** Largest body of a method whose contract does not say otherwise, bytes: JSON of this size is parsed in half a second. */
export const largeBodyBytes = 64 * 1024 * 1024

/** What a contract may say at most, bytes: half of the memory that bodies on their way may take in a process. */
export const largestBodyBytes = 256 * 1024 * 1024
