/** Authentication and authorization of callers. */
import {
  basePathOf,
  evaluate,
  MeshError,
  verifyRequestHead,
  verifyScalingToken,
  type RequestHead,
} from '@agent-mesh/protocol'
import { nonceMs } from '../defaults.ts'
import type { Enrolment } from '../store/parts/enrolments.ts'
import { denials } from './denials.ts'
import type { EndedMemberships } from './ended-memberships.ts'
import { readPolicy } from './head-documents.ts'
import type { MeshParts } from './mesh-context.ts'
import { excessRight, type Newcomer } from './token-rights.ts'

/** A member that proved its key, as it is enrolled now. */
export interface Caller extends Enrolment {
  credential: string
  /** Signed in this request. */
  nonce: string | undefined
  bodyHash: string
}

/** A request whose body need not be read yet: {@link Signature.bodyHash} is the hash it must have. */
export interface SignedRequest extends RequestHead {
  authorization: string | undefined
}

/** The key that signed, and the parts of the request that it signed. */
export interface Signature {
  peerId: string
  nonce: string | undefined
  /** For `verifyBody`. */
  bodyHash: string
}

export interface Callers {
  /** The key that signed, enrolled or not. @throws MeshError unauthenticated, clock_skew */
  key(request: SignedRequest): Promise<Signature>
  /** @throws MeshError also revoked, and unauthenticated for strangers and expired credentials */
  member(request: SignedRequest): Promise<Caller>
  /**
   * The signer of a bearer token for scaling signals, which must be a member that may manage `admin:scaling` now; and the service
   * that the token is limited to. @throws MeshError unauthenticated, revoked, permission_denied
   */
  scalingReader(authorization: string): Promise<{ peerId: string; service: string | undefined }>
  /**
   * Accepts a request once, also over several control planes. Checked last: a stranger causes no write.
   * @throws MeshError unauthenticated without a nonce, conflict when it was used before
   */
  once(signature: Pick<Signature, 'peerId' | 'nonce'>): Promise<void>
  /** By the policy of the mesh; a denial is audited. @throws MeshError permission_denied */
  authorize(caller: Omit<Caller, 'nonce' | 'bodyHash'>, target: `admin:${string}`): Promise<void>
  /**
   * Checks that the caller may create members of these roles, tags and name: none with a right that the caller lacks, else
   * the right to make tokens would be the right to everything. Writers of the policy may create any. A denial is audited.
   * @throws MeshError permission_denied
   */
  authorizeGiving(caller: Caller, newcomer: Newcomer): Promise<void>
}

/** What callers are authenticated and authorized with. */
type JudgingMesh = MeshParts<
  'keys' | 'ring' | 'meshId' | 'clock' | 'publicUrl',
  'headParts' | 'enrolments' | 'ledger' | 'audit'
>

export function callers(mesh: JudgingMesh, ended: EndedMemberships): Callers {
  const { store, clock, meshId } = mesh
  const denied = denials(mesh)
  const base = basePathOf(mesh.publicUrl)

  const key = async ({ authorization, ...parts }: SignedRequest): Promise<Signature> => {
    const { peerId, claims } = await verifyRequestHead(authorization, parts, {
      meshId,
      now: clock.now(),
      base,
    })
    return { peerId, nonce: claims.nonce, bodyHash: claims.bh }
  }

  const authorize = authorizer(mesh, denied)

  return {
    key,
    scalingReader: async authorization => {
      const { peerId, claims } = await verifyScalingToken(authorization, { meshId, now: clock.now() })
      await authorize(await memberOf(mesh, ended, peerId), 'admin:scaling')
      return { peerId, service: claims.service }
    },
    member: async request => {
      const { peerId, ...signed } = await key(request)
      return { ...(await memberOf(mesh, ended, peerId)), ...signed }
    },
    once: async ({ peerId, nonce }) => {
      if (nonce === undefined)
        throw new MeshError('unauthenticated', 'Cannot accept request: it needs a nonce', {
          hint: 'Sign 16 random bytes as "nonce", new ones for each request.',
        })
      if (await store.ledger.claimNonce(`${peerId}.${nonce}`, clock.now() + nonceMs)) return
      throw new MeshError('conflict', 'Cannot accept request: its nonce was used before')
    },
    authorize,
    authorizeGiving: async (caller, newcomer) => {
      const { policy } = await readPolicy(mesh)
      const maker = { ...caller, sub: caller.peerId }
      // A writer of the policy can grant any right.
      if (evaluate(policy, maker, 'manage', 'admin:policy') !== undefined) return
      const excess = await excessRight(store.enrolments, policy, maker, newcomer)
      if (excess === undefined) return
      const { action, target } = excess
      await denied.record(caller.peerId, action, target)
      const chosen = newcomer.name === undefined ? ', or a name that it may choose,' : ''
      throw new MeshError(
        'permission_denied',
        `Cannot give roles ${newcomer.roles.join(', ')}: one of them${chosen} may ${action} ${target}, and you may not`,
        { hint: 'Give the token a fixed name (--name), or have an admin make it.' },
      )
    },
  }
}

/** By the policy; a denial is audited. */
const authorizer =
  (mesh: JudgingMesh, denied: ReturnType<typeof denials>): Callers['authorize'] =>
  async (caller, target) => {
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
  }

async function memberOf(
  { store, clock }: MeshParts<'clock', 'enrolments'>,
  ended: EndedMemberships,
  peerId: string,
): Promise<Omit<Caller, 'nonce' | 'bodyHash'>> {
  const refuse = (reason: string, hint: string, details: Record<string, unknown> = {}) =>
    new MeshError('unauthenticated', `Cannot accept request: ${reason}`, { hint, details })
  const enrolment = await store.enrolments.readEnrolment(peerId)
  if (enrolment === undefined) throw await ended.refusal(peerId, 'accept request')
  if (enrolment.revokedAt !== undefined)
    throw new MeshError('revoked', `Cannot accept request: ${enrolment.name} was revoked`)
  const { credential } = enrolment
  if (credential === undefined)
    throw refuse(`${enrolment.name} has no credential yet`, 'Enrol again.', { enrolled: true })
  if (enrolment.expiresAt <= clock.now())
    throw refuse(`the credential of ${enrolment.name} has expired`, 'Renew it first.', { enrolled: true })
  return { ...enrolment, credential }
}
