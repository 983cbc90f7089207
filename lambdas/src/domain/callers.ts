/** Who asks, and whether it may. */
import { evaluate, MeshError, verifyRequest, type RequestParts } from '@agent-mesh/protocol'
import { nonceMs } from '../defaults.ts'
import type { Enrolment } from '../store/model.ts'
import { denials } from './denials.ts'
import { readPolicy } from './head-documents.ts'
import type { MeshContext } from './mesh-context.ts'

/** A member that proved its key, as it is enrolled now. */
export interface Caller extends Enrolment {
  credential: string
}

export interface SignedRequest extends RequestParts {
  authorization: string | undefined
}

export interface Callers {
  /** The key that signed, enrolled or not. @throws MeshError unauthenticated, clock_skew, conflict (nonce used) */
  key(request: SignedRequest): Promise<string>
  /** @throws MeshError also revoked, and unauthenticated for strangers and expired credentials */
  member(request: SignedRequest): Promise<Caller>
  /** By the policy of the mesh; a denial is audited. @throws MeshError permission_denied */
  authorize(caller: Caller, target: `admin:${string}`): Promise<void>
}

export function callers(mesh: MeshContext): Callers {
  const { store, clock, meshId } = mesh
  const denied = denials(mesh)

  const key = async ({ authorization, ...parts }: SignedRequest): Promise<string> => {
    const { peerId, claims } = await verifyRequest(authorization, parts, { meshId, now: clock.now() })
    if (
      claims.nonce !== undefined &&
      !(await store.claimNonce(`${peerId}.${claims.nonce}`, clock.now() + nonceMs))
    )
      throw new MeshError('conflict', 'Cannot accept request: its nonce was used before')
    return peerId
  }

  return {
    key,
    member: async request => memberOf(mesh, await key(request)),
    authorize: async (caller, target) => {
      const { policy } = await readPolicy(mesh)
      if (evaluate(policy, { ...caller, sub: caller.peerId }, 'manage', target) !== undefined) return
      await denied.record(caller.peerId, 'manage', target)
      throw new MeshError(
        'permission_denied',
        `Cannot manage ${target}: the policy grants it to none of your roles`,
        {
          hint: 'Use the key of an admin, or have one change the policy.',
        },
      )
    },
  }
}

async function memberOf({ store, clock }: MeshContext, peerId: string): Promise<Caller> {
  const refuse = (reason: string, hint: string) =>
    new MeshError('unauthenticated', `Cannot accept request: ${reason}`, { hint })
  const enrolment = await store.readEnrolment(peerId)
  if (enrolment === undefined)
    throw refuse(`${peerId} is not a member of this mesh`, 'Enrol with a join token first.')
  if (enrolment.revokedAt !== undefined)
    throw new MeshError('revoked', `Cannot accept request: ${enrolment.name} was revoked`)
  const { credential } = enrolment
  if (credential === undefined) throw refuse(`${enrolment.name} has no credential yet`, 'Enrol again.')
  if (enrolment.expiresAt <= clock.now())
    throw refuse(`the credential of ${enrolment.name} has expired`, 'Renew it first.')
  return { ...enrolment, credential }
}
