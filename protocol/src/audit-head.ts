/**
 * The signed head of the control plane's audit chain: the authority signs the number and the hash of its end. A
 * chain that was rewritten by someone with access to the database does not go through it.
 */
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import { auditHeadSchema, type AuditHead } from './audit.ts'
import { meshIdField, millisField } from './fields.ts'
import { signChecked, verifyDocument, type Signer, type VerifyOptions } from './jws.ts'
import { limits } from './limits.ts'

const schema = z.looseObject({
  mesh: meshIdField,
  ...auditHeadSchema.shape,
  /** When it was signed, unix milliseconds. */
  at: millisField,
})
const document = { typ: 'audit+jws', schema, maxBytes: limits.auditHeadBytes } as const

export interface SignedAuditHead extends AuditHead {
  /** Unix milliseconds. */
  at: number
}

/** @param mesh mesh id */
export const signAuditHead = (signer: Signer, mesh: string, head: SignedAuditHead): Promise<string> =>
  signChecked(signer, document, { mesh, ...head })

/** @throws MeshError unauthenticated for another mesh, a key that is not known, or a signature that does not fit */
export async function verifyAuditHead(
  jws: string,
  mesh: string,
  keyOf: VerifyOptions<typeof schema>['keyOf'],
): Promise<SignedAuditHead> {
  const { claims } = await verifyDocument(jws, { ...document, keyOf })
  if (claims.mesh !== mesh)
    throw new MeshError('unauthenticated', 'Cannot verify audit+jws: it is of another mesh')
  const { seq, hash, at } = claims
  return { seq, hash, at }
}
