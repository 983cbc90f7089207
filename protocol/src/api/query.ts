/** Query parameters of the API: text in the URL, typed behind it. The OpenAPI document is made from these schemas. */
import * as z from 'zod/mini'
import { labelField, serviceNameField, serviceRefField } from '../fields.ts'
import { limits } from '../limits.ts'
import { parse } from '../parse.ts'
import { MeshError } from '../errors.ts'

/** A whole number in decimal digits: `Number` alone would take an empty value for 0, and read `0x10` and `1e3`. */
export const integerParameter = (minimum: number, maximum: number = Number.MAX_SAFE_INTEGER) =>
  z.pipe(
    z.pipe(
      z.string().check(z.regex(/^\d{1,16}$/, { error: 'is not a whole number' })),
      z.transform((text: string) => Number(text)),
    ),
    z.int().check(z.minimum(minimum), z.maximum(maximum)),
  )

const flagParameter = z.pipe(
  z.pipe(
    z.enum(['true', 'false']),
    z.transform((text: 'true' | 'false') => text === 'true'),
  ),
  z.boolean(),
)

/** The `next` of a page; opaque to clients. */
const cursorParameter = z
  .string()
  .check(z.maxLength(limits.cursorChars), z.regex(/^[\w.@-]+$/, { error: 'is not a cursor' }))

/** Each parameter has one meaning on all routes, but for the most that `limit` may be. */
export const parameters = {
  region: labelField,
  /** Any version of it, or `name@version`. */
  service: z.union([serviceNameField, serviceRefField]),
  cursor: cursorParameter,
  /** A map cursor. */
  since: cursorParameter,
  dryRun: flagParameter,
  online: flagParameter,
  role: labelField,
} as const

/** Parameters of one route by name. */
export type QuerySchema = Readonly<Record<string, z.ZodMiniType>>

/**
 * Reads the query of a request.
 * @throws MeshError invalid_argument naming what is unknown, given twice, empty or of another form
 */
export function readQuery(schema: QuerySchema, query: URLSearchParams): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  for (const [name, text] of query) {
    const field = Object.hasOwn(schema, name) ? schema[name] : undefined
    if (field === undefined) throw refused(name, 'unknown')
    if (Object.hasOwn(read, name)) throw refused(name, 'given twice')
    if (text === '') throw refused(name, 'empty')
    read[name] = parse(field, text, `read query: ${name}`)
  }
  return read
}

const refused = (name: string, reason: string) =>
  new MeshError('invalid_argument', `Cannot read query: ${name.slice(0, 64)} is ${reason}`)
