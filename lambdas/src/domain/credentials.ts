/** Credentials as the control plane issues them: of the claims that the enrolment has now. */
import { credentialDays, signCredential, verifyCredential, type CredentialClaims } from '@agent-mesh/protocol'
import { credentialFreshMs } from '../defaults.ts'
import type { Enrolment } from '../store/parts/enrolments.ts'
import type { MeshContext, MeshParts } from './mesh-context.ts'
import { randomId } from './secrets.ts'

/** How long a credential lives, ms. */
export const credentialLifeMs = credentialDays.life * 24 * 3600_000

/**
 * Signs a credential and records it; of other claims than the stored one, it is told to all members.
 * @throws MeshError not_found, revoked, conflict when the enrolment is another by now
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

/** What of the claims comes from the enrolment, as text that is equal when they are. */
const claimsOf = ({ serial, name, roles, tags, region }: Enrolment | CredentialClaims): string =>
  JSON.stringify([serial, name, roles, tags, region ?? null])

/**
 * The stored credential of a member while it is as good as a new one: issued a short time ago, for the same claims, by a key
 * that counts. A member in a loop costs neither a signature nor a place in the audit log.
 * @returns undefined when a new one is to be signed
 */
export async function freshCredential(
  mesh: Pick<MeshContext, 'meshId' | 'keys' | 'clock'>,
  enrolment: Enrolment,
): Promise<string | undefined> {
  const claims = await storedClaims(mesh, enrolment)
  if (claims === undefined || claimsOf(claims) !== claimsOf(enrolment)) return undefined
  // Either way: one from the future was signed by a clock that has been set since.
  const fresh = Math.abs(mesh.clock.now() - claims.iat * 1_000) < credentialFreshMs
  return fresh ? enrolment.credential : undefined
}

/** What the stored credential says; undefined without one, and of a key that does not count. */
async function storedClaims(
  { meshId, keys }: Pick<MeshContext, 'meshId' | 'keys'>,
  { credential, peerId }: Enrolment,
): Promise<CredentialClaims | undefined> {
  if (credential === undefined) return undefined
  return verifyCredential(credential, { meshId, keys, now: 'any', peerId }).catch(() => undefined)
}
