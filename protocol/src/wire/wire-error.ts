import * as z from 'zod/mini'
import { isErrorCode, MeshError, type ErrorCode } from '../errors.ts'
import { encodeBody, type EncodedBody, type FrameBody } from './body.ts'

/** Most characters of a message that cross the wire; the rest is cut. */
const messageChars = 1_000
/** Most characters of `details` as JSON; larger ones are not sent. */
export const detailsChars = 4_000
/** Most characters of the name of a declared error. */
export const declaredChars = 63

const errorBody = z.object({
  message: z.string().check(z.maxLength(messageChars)),
  hint: z.optional(z.string().check(z.maxLength(messageChars))),
  details: z.optional(z.record(z.string(), z.unknown())),
  declared: z.optional(z.string().check(z.maxLength(declaredChars))),
})

/**
 * The body of an error frame: message, hint, details and the declared name, never cause or stack. An error that another member sent
 * was declared for another method: its name is not passed on.
 */
export function encodeError(error: MeshError): EncodedBody {
  const { message, hint, details, declared, told } = error
  const body = {
    message: message.slice(0, messageChars),
    hint: hint?.slice(0, messageChars),
    details: small(details),
    declared: told ? undefined : declared?.slice(0, declaredChars),
  }
  return encodeBody(body, 'error')
}

function small(details: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  if (details === undefined) return undefined
  try {
    const text = JSON.stringify(details)
    // What JSON cannot carry is null or missing here: details say more about a failure, they are no values.
    return text.length <= detailsChars ? (JSON.parse(text) as typeof details) : undefined
  } catch {
    return undefined
  }
}

/**
 * The error that a peer sent (`told` is true). A code of a later version becomes `application` with the code in `details`; a body
 * that is no error becomes `protocol_error`.
 */
export function decodeError(code: string, body: FrameBody, notStarted = false): MeshError {
  const parsed = errorBody.safeParse(valueOf(body))
  if (!parsed.success)
    return new MeshError('protocol_error', `Cannot read the error '${code}': its body is malformed`, {
      told: true,
      notStarted,
    })
  const { message, hint, details, declared } = parsed.data
  const known: ErrorCode = isErrorCode(code) ? code : 'application'
  return new MeshError(known, message, {
    told: true,
    notStarted,
    ...(hint === undefined ? {} : { hint }),
    ...(known !== 'application' || declared === undefined ? {} : { declared }),
    ...(known === code ? (details === undefined ? {} : { details }) : { details: { ...details, code } }),
  })
}

function valueOf(body: FrameBody): unknown {
  try {
    return body.value()
  } catch {
    return undefined
  }
}
