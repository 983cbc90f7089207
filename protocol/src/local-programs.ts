/**
 * Services of programs that speak HTTP, on the local socket. `POST /v1/serve` and `POST /v1/unserve` take JSON and answer it;
 * `GET /v1/served` lists what is served so.
 *
 * A program describes its methods at `/.well-known/agent-mesh.json`, in the form in which members describe theirs to others
 * (`host.describe`).
 */
import * as z from 'zod/mini'
import { longestDurationMs } from './duration.ts'
import { serviceRefField } from './fields.ts'

const word = z
  .string()
  .check(z.regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/, { error: 'is not a word of letters, digits, _ and -' }))
const jsonSchema = z.record(z.string(), z.unknown())

/** A method of a program, in its own words. Fields that this version does not know are left out. */
export const programMethod = z.object({
  name: word,
  about: z.optional(z.string().check(z.maxLength(256))),
  effects: z.optional(z.enum(['read', 'write', 'destroy'])),
  idempotent: z.optional(z.boolean()),
  /** Of a call without a deadline of its own. */
  timeoutMs: z.optional(z.int().check(z.minimum(1), z.maximum(longestDurationMs))),
  /** JSON Schema, for those who call: the program checks its params itself. */
  params: z.optional(jsonSchema),
  result: z.optional(jsonSchema),
  /** Messages of the caller, and of the program: a method with one of them streams. */
  takes: z.optional(jsonSchema),
  yields: z.optional(jsonSchema),
  /** Declared errors, and what their details are. */
  errors: z.optional(z.record(word, jsonSchema)),
})
export type ProgramMethod = z.output<typeof programMethod>

export const programMethods = z.array(programMethod).check(
  z.minLength(1),
  z.maxLength(64),
  z.refine(methods => new Set(methods.map(({ name }) => name)).size === methods.length, {
    error: 'has a method twice',
  }),
)

/** What a program answers at `/.well-known/agent-mesh.json`. */
export const programDescription = z.object({ methods: programMethods })

/** Where a program answers: `http://127.0.0.1:9000`, `http://127.0.0.1:9000/api`. */
const programUrl = z.string().check(
  z.maxLength(512),
  z.refine(isProgramUrl, {
    error: 'is not a URL like http://127.0.0.1:9000, without credentials and query',
  }),
)

function isProgramUrl(text: string): boolean {
  const url = URL.parse(text)
  return url?.protocol === 'http:' && url.href === `${url.origin}${url.pathname}`
}

export const servedProgram = z.strictObject({
  /** `math@1` */
  service: serviceRefField,
  url: programUrl,
  methods: programMethods,
})
export type ServedProgram = z.output<typeof servedProgram>

export const localServeRequest = z.strictObject({
  service: serviceRefField,
  url: programUrl,
  /** Names of its methods. Absent: as the program describes them. */
  methods: z.optional(z.array(word).check(z.minLength(1), z.maxLength(64))),
})
export type LocalServeRequest = z.output<typeof localServeRequest>

/** The file in which an agent keeps them has the same form. */
export const localServedReply = z.looseObject({ programs: z.array(servedProgram).check(z.maxLength(32)) })

export const localUnserveRequest = z.strictObject({ service: serviceRefField })
