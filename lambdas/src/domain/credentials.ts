/** Credentials that the control plane issues: with the current claims of the enrolment. */
import { credentialDays, signCredential, verifyCredential, type CredentialClaims } from '@agent-mesh/protocol'
import { credentialFreshMs } from '../defaults.ts'
import type { Enrolment } from '../store/parts/enrolments.ts'
import type { MeshContext, MeshParts } from './mesh-context.ts'
import { randomId } from './secrets.ts'

/** How long a credential lives, ms. */
export const credentialLifeMs = credentialDays.life * 24 * 3600_000

/**
 * Signs a credential and records it; one with other claims than the stored one is sent to all members.
 * @throws MeshError not_found, revoked, conflict when the enrolment was replaced meanwhile
 */
export async function issueCredential(
  mesh: MeshParts<'signer' | 'meshId' | 'keys' | 'clock', 'enrolments'>,
  enrolment: Enrolment,
): Promise<string> {
  const { signer, meshId, store, clock } = mesh
  const { peerId, serial, name, roles, tags, region } = enrolment
  const before = await storedClaims(mesh, enrolment)
  const amended = before !== undefined && claimsOf(before) !== claimsOf(enrolment)
  const iat = Math.floor(clock.now() / 1000)
  const exp = iat + credentialLifeMs / 1000
  const credential = await signCredential(signer, {
    iss: meshId,
    sub: peerId,
    serial,
    jti: randomId(),
    name,
    roles,
    ...(region === undefined ? {} : { region }),
    tags,
    iat,
    exp,
  })
  await store.enrolments.recordCredential({ peerId, serial, credential, expiresAt: exp * 1000, amended })
  return credential
}

/** The claims that come from the enrolment, as text: equal claims have equal text. */
const claimsOf = ({ serial, name, roles, tags, region }: Enrolment | CredentialClaims): string =>
  JSON.stringify([serial, name, roles, tags, region ?? null])

/**
 * The stored credential of a member while it can replace a new one: issued recently, for the same claims, by a valid key.
 * A member that renews in a loop costs neither a signature nor an entry in the audit log.
 * @returns undefined when a new one is to be signed
 */
export async function freshCredential(
  mesh: Pick<MeshContext, 'meshId' | 'keys' | 'clock'>,
  enrolment: Enrolment,
): Promise<string | undefined> {
  const claims = await storedClaims(mesh, enrolment)
  if (claims === undefined || claimsOf(claims) !== claimsOf(enrolment)) return undefined
  // In both directions: a credential from the future was signed before the clock was corrected.
  const fresh = Math.abs(mesh.clock.now() - claims.iat * 1_000) < credentialFreshMs
  return fresh ? enrolment.credential : undefined
}

/** The claims of the stored credential; undefined without one, and for one signed by an invalid key. */
async function storedClaims(
  { meshId, keys }: Pick<MeshContext, 'meshId' | 'keys'>,
  { credential, peerId }: Enrolment,
): Promise<CredentialClaims | undefined> {
  if (credential === undefined) return undefined
  return verifyCredential(credential, { meshId, keys, now: 'any', peerId }).catch(() => undefined)
}
