import * as z from 'zod/mini'
import { MeshError, type ErrorCode } from './errors.ts'

/** Field names come from outside: this much of them is quoted. */
const shown = 64

/** zod/mini carries no messages of its own; the schemas give one for each pattern, the rest is said here. */
function reasonOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown field ${issue.keys[0]?.slice(0, shown)}`
    case 'invalid_type':
      return `is not of type ${issue.expected}`
    case 'invalid_value':
      return `is none of ${issue.values.join(', ')}`
    case 'too_big':
      return `is over ${issue.maximum}${unitOf(issue.origin)}`
    case 'too_small':
      return `is under ${issue.minimum}${unitOf(issue.origin)}`
    case 'invalid_union':
      return unionReason(issue)
    default:
      return issue.message
  }
}

/** Names the forms if all are plain. A value that has one of them and is wrong within it has a reason of its own. */
function unionReason({ errors }: z.core.$ZodIssueInvalidUnion): string {
  const forms = errors.flatMap(([issue]) =>
    issue === undefined || issue.path.length > 0 ? [] : formsOf(issue),
  )
  // A union that goes by one field lists no errors.
  return forms.length === 0 || forms.length < errors.length
    ? 'has none of the known forms'
    : `is none of ${forms.join(', ')}`
}

function formsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_type') return [issue.expected]
  return issue.code === 'invalid_value' ? issue.values.map(String) : []
}

const unitOf = (origin: string): string =>
  origin === 'string' ? ' characters' : origin === 'array' ? ' items' : ''

function describe(error: z.core.$ZodError): string {
  const issue = error.issues[0]
  if (issue === undefined) return 'does not fit its schema'
  const path = issue.path.map(String).join('.').slice(0, shown)
  return path === '' ? reasonOf(issue) : `${path}: ${reasonOf(issue)}`
}

/** One thing that does not fit; `path` leads to it, for an unknown field to that. */
export interface Misfit {
  path: readonly PropertyKey[]
  reason: string
}

/** All that does not fit `schema`, the first `most` of it; with the value when all does. */
export function misfits<S extends z.core.$ZodType>(
  schema: S,
  value: unknown,
  most = 20,
): { value: z.output<S> } | { misfits: Misfit[] } {
  const result = z.safeParse(schema, value)
  if (result.success) return { value: result.data }
  const found = result.error.issues.slice(0, most).map(issue => ({
    path: issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path,
    reason: reasonOf(issue),
  }))
  return { misfits: found }
}

/**
 * Parses `value` with `schema`.
 * @throws MeshError `code` with "Cannot <action>: <path>: <reason>"
 */
export function parse<S extends z.core.$ZodType>(
  schema: S,
  value: unknown,
  action: string,
  code: ErrorCode = 'invalid_argument',
): z.output<S> {
  const result = z.safeParse(schema, value)
  if (result.success) return result.data
  throw new MeshError(code, `Cannot ${action}: ${describe(result.error)}`)
}

/** Parses JSON text, then `schema`. @throws MeshError `code` */
export function parseJson<S extends z.core.$ZodType>(
  schema: S,
  text: string,
  action: string,
  code: ErrorCode = 'invalid_argument',
): z.output<S> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new MeshError(code, `Cannot ${action}: not JSON`, { cause })
  }
  return parse(schema, value, action, code)
}
