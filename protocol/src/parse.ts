import * as z from 'zod/mini'
import { MeshError, type ErrorCode } from './errors.ts'

const describe = (error: z.core.$ZodError): string => {
  const issue = error.issues[0]
  if (issue === undefined) return 'does not fit its schema'
  const path = issue.path.join('.')
  const unknown = issue.code === 'unrecognized_keys' ? `unknown field ${issue.keys[0]}` : issue.message
  return path === '' ? unknown : `${path}: ${unknown}`
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
