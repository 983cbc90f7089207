/**
 * Changes of the authority key, each step conditional and repeatable: a crash between two steps leaves a mesh that works,
 * and the next start or the repeated command continues.
 */
import {
  MeshError,
  signKeyLink,
  verifyKeyChain,
  limits,
  type KeyChain,
  type Signer,
} from '@agent-mesh/protocol'
import { keySettleMs } from '../defaults.ts'
import type { HeadPart } from '../store/parts/head-parts.ts'
import type { AuditOf } from '../store/parts/audit.ts'
import type { AuthorityKey } from './found-mesh.ts'
import type { Keyring } from './keyring.ts'
import type { MeshParts } from './mesh-context.ts'
import { signPartsAnew } from './sign-part-anew.ts'

/** What a rotation needs of a mesh. */
export type RotatingMesh = MeshParts<'clock' | 'changes', 'headParts'> & { ring: Keyring }

/**
 * Introduces `next`, signed by the current key; members receive it, and after {@link keySettleMs} it signs. A key that is
 * the newest already stays so.
 * @returns when it begins to sign, unix milliseconds
 * @throws MeshError conflict when another process changed the keys meanwhile, too_large when the chain is full
 */
export async function introduceKey(mesh: RotatingMesh, next: AuthorityKey, by: string): Promise<number> {
  await mesh.ring.refresh()
  const { keys } = mesh.ring
  if (keys.current.kid !== next.signer.kid) {
    const link = { jwk: next.jwk }
    await appendLink(mesh, await signerOf(mesh.ring, keys.current.kid), link, rotated(mesh, next, by))
  }
  const { iat = 0 } = keys.authorities.at(-1) ?? {}
  return iat * 1000 + keySettleMs
}

/** A link is signed by its predecessor, which signs nothing else until it has settled. */
async function signerOf(ring: Keyring, kid: string): Promise<Signer> {
  const signer = await ring.pick()
  if (signer.kid === kid) return signer
  throw new MeshError(
    'conflict',
    `Cannot rotate the authority key: ${kid} was introduced and does not sign yet`,
    {
      hint: `A rotation takes ${keySettleMs / 60_000} minutes; try again then.`,
    },
  )
}

/**
 * For a stolen key: the root introduces `next`, which signs at once, every part of the head is signed anew, and then every
 * other key is revoked with all it ever signed. Members renew their credentials as soon as they receive the new chain.
 */
export async function replaceStolenKeys(
  mesh: RotatingMesh,
  root: AuthorityKey,
  next: AuthorityKey,
  by: string,
): Promise<void> {
  const { ring } = mesh
  await ring.refresh()
  if (ring.keys.current.kid !== next.signer.kid)
    await appendLink(mesh, root.signer, { jwk: next.jwk }, rotated(mesh, next, by))
  const ever = (kid: string) => ring.keys.everKeyOf(kid)
  await takeOverParts(mesh, ever)
  const revokes = ring.keys.authorities.filter(({ kid, revoked }) => !revoked && kid !== next.signer.kid)
  const kids = revokes.map(({ kid }) => kid)
  for (let i = 0; i < kids.length; i += limits.keysRevoked) {
    const revoked = kids.slice(i, i + limits.keysRevoked)
    await appendLink(mesh, root.signer, { jwk: next.jwk, revokes: revoked }, ({ number }) => ({
      at: mesh.clock.now(),
      who: by,
      what: 'key.revoke',
      detail: { kid: next.signer.kid, number, revoked },
    }))
  }
  // Another process may have written a part with the old key in between.
  await takeOverParts(mesh, ever)
}

const rotated =
  ({ clock }: RotatingMesh, { signer }: AuthorityKey, who: string): AuditOf<HeadPart> =>
  ({ number }) => ({ at: clock.now(), who, what: 'key.rotate', detail: { kid: signer.kid, number } })

async function appendLink(
  { store, clock, ring, changes }: RotatingMesh,
  by: Signer,
  link: { jwk: KeyChain['current']['jwk']; revokes?: string[] },
  auditOf: AuditOf<HeadPart>,
): Promise<void> {
  const { meshId, signed } = ring.keys
  const seq = signed.links.length + 1
  if (seq > limits.keyChain)
    throw new MeshError(
      'too_large',
      `Cannot rotate the authority key: the chain has ${limits.keyChain} links`,
      {
        hint: 'Begin a new mesh: a chain this long is at its end.',
      },
    )
  const jws = await signKeyLink(by, { mesh: meshId, seq, iat: Math.floor(clock.now() / 1000), ...link })
  const longer = { ...signed, links: [...signed.links, jws] }
  // A document that members would refuse must not be written.
  await verifyKeyChain(meshId, longer)
  await store.headParts.writePart('keys', seq - 1, JSON.stringify(longer), seq, auditOf)
  await ring.refresh()
  changes.emit('head')
}

/**
 * Signs each part of the head that another key signed anew by the current key. Idempotent.
 * @param keyOf the keys whose signatures are accepted
 * @throws MeshError unauthenticated when a part is signed by none of them
 */
export async function takeOverParts(mesh: RotatingMesh, keyOf: KeyChain['keyOf']): Promise<void> {
  const { kid } = await mesh.ring.pick()
  const numberFor = ({ number }: HeadPart, signedBy: string) => (signedBy === kid ? undefined : number + 1)
  await signPartsAnew(mesh, { keyOf, numberFor })
}
