/**
 * Streams on the local socket: `POST /v1/stream`, lines of JSON (`application/x-ndjson`) both ways, those of the client of at most 2 MiB.
 *
 *   client -> process   {"method", "params"?, "bytes"?, "peer"?, "timeoutMs"?, "input"?}   the first line
 *   client -> process   {"value"?, "bytes"?}     a message for the handler, with "input": true; the end of the body ends them
 *   process -> client   {"value"?, "bytes"?}     a message of the handler
 *   process -> client   {"end": {…}}             the last line: the handler returned
 *   process -> client   {"error": {…}}           or, as the last line: why the stream failed, as problem details
 *
 * Status 200 says no more than that the first line was understood. Who does not read holds the other side back. A client that closes
 * the connection cancels the stream; a reply without a last line ends with its process.
 */
import * as z from 'zod/mini'
import { problemSchema } from './api/problem.ts'
import { localCallFields, localValueFields } from './local-api.ts'

export const localStreamRequest = z.strictObject({
  ...localCallFields,
  /** Whether messages for the handler follow. */
  input: z.optional(z.boolean()),
})
export type LocalStreamRequest = z.output<typeof localStreamRequest>

export const localMessage = z.strictObject(localValueFields)

export const localStreamEnd = z.looseObject({
  /** What the handler returned. */
  ...localValueFields,
  peerId: z.optional(z.string()),
  /** From the request to the end. */
  ms: z.number().check(z.nonnegative()),
})
export type LocalStreamEnd = z.output<typeof localStreamEnd>

export const localStreamLine = z.looseObject({
  ...localValueFields,
  end: z.optional(localStreamEnd),
  error: z.optional(problemSchema),
})
export type LocalStreamLine = z.output<typeof localStreamLine>
