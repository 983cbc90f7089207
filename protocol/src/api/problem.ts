/** Problem details (RFC 9457): how errors travel over HTTP, from the control plane and on the local socket. */
import * as z from 'zod/mini'
import { isErrorCode, MeshError } from '../errors.ts'
import { redact, redactText } from '../redact.ts'

export const problemSchema = z.looseObject({
  /** `urn:agent-mesh:error:<code>` */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  hint: z.optional(z.string()),
  details: z.optional(z.record(z.string(), z.unknown())),
  /** Of a call on the local socket: the name under which the contract of the method declares the error. */
  declared: z.optional(z.string()),
  /** Of a call on the local socket: its handler is known not to have started. */
  notStarted: z.optional(z.boolean()),
})
export type Problem = z.output<typeof problemSchema>

/** The problem details of an error, without secrets. Its cause and its stack stay in the process. */
export const problemOf = ({
  code,
  status,
  message,
  hint,
  details,
  declared,
  notStarted,
}: MeshError): Problem => ({
  type: `urn:agent-mesh:error:${code}`,
  title: code,
  status,
  detail: redactText(message),
  code,
  ...(hint === undefined ? {} : { hint: redactText(hint) }),
  ...(details === undefined ? {} : { details: redact(details) as Record<string, unknown> }),
  ...(declared === undefined ? {} : { declared }),
  ...(notStarted ? { notStarted } : {}),
})

/** The error of a problem; undefined when this version does not know its code. */
export function errorOfProblem({
  code,
  detail,
  hint,
  details,
  declared,
  notStarted = false,
}: Problem): MeshError | undefined {
  if (!isErrorCode(code)) return undefined
  return new MeshError(code, detail, {
    told: true,
    notStarted,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
    ...(declared === undefined ? {} : { declared }),
  })
}
