import * as z from 'zod/mini'
import { isErrorCode, MeshError, type ErrorCode } from '../errors.ts'
import { encodeBody, type EncodedBody, type FrameBody } from './body.ts'

/** Most characters of a message that cross the wire; the rest is cut. */
const messageChars = 1_000
/** Most characters of `details` as JSON; larger ones stay at home. */
const detailsChars = 4_000

const errorBody = z.object({
  message: z.string().check(z.maxLength(messageChars)),
  hint: z.optional(z.string().check(z.maxLength(messageChars))),
  details: z.optional(z.record(z.string(), z.unknown())),
})

/** The body of an error frame: message, hint and details, never cause or stack. */
export function encodeError(error: MeshError): EncodedBody {
  const { message, hint, details } = error
  return encodeBody(
    { message: message.slice(0, messageChars), hint: hint?.slice(0, messageChars), details: small(details) },
    'error',
  )
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
 * The error that a peer sent (`told`). A code of a later version becomes `application` with the code in `details`; a body
 * that is no error becomes `protocol_error`.
 */
export function decodeError(code: string, body: FrameBody, notStarted = false): MeshError {
  const parsed = errorBody.safeParse(valueOf(body))
  if (!parsed.success)
    return new MeshError('protocol_error', `Cannot read the error '${code}': its body is malformed`, {
      told: true,
      notStarted,
    })
  const { message, hint, details } = parsed.data
  const known: ErrorCode = isErrorCode(code) ? code : 'application'
  return new MeshError(known, message, {
    told: true,
    notStarted,
    ...(hint === undefined ? {} : { hint }),
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
