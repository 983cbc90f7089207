/** What a program answers, as the result or the error of a call. */
import type { IncomingMessage } from 'node:http'

import { largeBodyBytes } from '@agent-mesh/protocol/body-reference'
import { isErrorCode, MeshError, type ErrorCode } from '@agent-mesh/protocol/errors'
import { localMessage } from '@agent-mesh/protocol/local-stream'
import { valueOfLocal } from '@agent-mesh/protocol/local-value'
import { parseJson } from '@agent-mesh/protocol/parse'
import * as z from 'zod/mini'

import { parseExact } from '../local/parse-exact.ts'
import { bodyOf, typeOf } from './program-http.ts'

/** Of problem details, bytes. */
const problemBytes = 64 * 1024

/** JSON with bytes behind it, both in base64, as the gateway has them. */
export const tailedType = 'application/vnd.agent-mesh.value+json'

/** What a call needs of problem details (RFC 9457); a program may leave out all of it. */
const programProblem = z.looseObject({
  code: z.optional(z.string()),
  title: z.optional(z.string()),
  detail: z.optional(z.string()),
  hint: z.optional(z.string()),
  details: z.optional(z.record(z.string(), z.unknown())),
  /** An error that the description of the method declares. */
  declared: z.optional(z.string()),
})
type ProgramProblem = z.output<typeof programProblem>

/** @param declared errors that the method declares @throws MeshError what the program answered; internal for what is no reply */
export async function resultOf(
  reply: IncomingMessage,
  action: string,
  declared: readonly string[],
): Promise<unknown> {
  if (!isSuccess(reply)) throw await failureOf(reply, action, declared)
  const body = await bodyOf(reply, largeBodyBytes, action)
  if (reply.statusCode === 204 || body.length === 0) return undefined
  const type = typeOf(reply)
  if (type === 'application/octet-stream') return new Uint8Array(body.bytes())
  if (type === tailedType) return valueOfLocal(parseProgram(localMessage, body.text(action), action))
  if (type === 'application/json') return parseProgram(z.unknown(), body.text(action), action)
  throw new MeshError('internal', `Cannot ${action}: its program answered '${type}'`, {
    hint: 'A program answers application/json or application/octet-stream.',
  })
}

export const isSuccess = ({ statusCode = 0 }: IncomingMessage): boolean =>
  statusCode >= 200 && statusCode < 300

/** What comes from the program is its fault, not one of the caller. @throws MeshError internal */
export function parseProgram<S extends z.core.$ZodType>(
  schema: S,
  text: string,
  action: string,
): z.output<S> {
  try {
    return parseExact(schema, text, action, 'reply')
  } catch (cause) {
    throw new MeshError('internal', `${(cause as MeshError).message}, says its program`, { cause })
  }
}

/** @throws MeshError as {@link bodyOf} */
export async function failureOf(
  reply: IncomingMessage,
  action: string,
  declared: readonly string[],
): Promise<MeshError> {
  const { statusCode = 0 } = reply
  const type = typeOf(reply)
  const body = await bodyOf(reply, problemBytes, action)
  const plain = () =>
    new MeshError(codeOfStatus(statusCode), `Cannot ${action}: its program answered ${statusCode}`)
  if (type !== 'application/problem+json' && type !== 'application/json') return plain()
  try {
    return errorOf(parseJson(programProblem, body.text(action), action), action, { declared, statusCode })
  } catch {
    return plain()
  }
}

/** The error of a line `{"error": …}`. */
export const lineError = (problem: ProgramProblem, action: string, declared: readonly string[]): MeshError =>
  errorOf(problem, action, { declared, statusCode: 500 })

function errorOf(
  { code, title, detail, hint, details, declared: name }: ProgramProblem,
  action: string,
  { declared, statusCode }: { declared: readonly string[]; statusCode: number },
): MeshError {
  const isDeclared = name !== undefined && declared.includes(name)
  const known = isErrorCode(code) ? code : codeOfStatus(statusCode)
  const reason = detail ?? title ?? `its program answered ${statusCode}`
  return new MeshError(isDeclared ? 'application' : known, `Cannot ${action}: ${reason}`, {
    ...(isDeclared && { declared: name }),
    ...(hint !== undefined && { hint }),
    ...(details !== undefined && { details }),
  })
}

const codes: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_argument',
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  422: 'invalid_argument',
  429: 'rate_limited',
  501: 'unsupported',
  502: 'unavailable',
  503: 'unavailable',
  504: 'deadline_exceeded',
}

const codeOfStatus = (status: number): ErrorCode =>
  codes[status] ?? (status >= 400 && status < 500 ? 'application' : 'internal')

export { programProblem }
