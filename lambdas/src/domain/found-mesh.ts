import {
  defaultPolicy,
  MeshError,
  meshIdOf,
  signKeyLink,
  signPolicy,
  signRelays,
  signRevocations,
  verifyKeyChain,
  type KeyChain,
  type PublicJwk,
  type Signer,
} from '@agent-mesh/protocol'
import type { Clock } from '../store/clock.ts'
import type { StoreParts } from '../store/store.ts'
import { readKeyChain } from './keyring.ts'

/** A key that signs, with its public half. */
export interface AuthorityKey {
  jwk: PublicJwk
  signer: Signer
}

export interface FoundMeshInit {
  store: Pick<StoreParts, 'headParts'>
  clock: Clock
  /** Signs the first link of the key chain; its thumbprint is the mesh id. */
  root: AuthorityKey
  /** Signs everything else. */
  authority: AuthorityKey
}

/**
 * Makes the mesh of `root` in an empty store, or verifies that the store holds it. May be repeated after a crash.
 * @throws MeshError conflict when the store holds another mesh, or the authority key is none of its keys
 */
export async function foundMesh(init: FoundMeshInit): Promise<KeyChain> {
  const meshId = await meshIdOf(init.root.jwk)
  const keys = (await readKeyChain(init.store.headParts, meshId)) ?? (await writeKeyChain(init, meshId))
  if (!keys.authorities.some(({ kid, revoked }) => !revoked && kid === init.authority.signer.kid))
    throw new MeshError(
      'conflict',
      `Cannot open mesh ${meshId}: its newest authority key is ${keys.current.kid}, the key file has another`,
      { hint: 'Restore the key file and the database from the same backup.' },
    )
  await writeFirstParts(init, meshId)
  return keys
}

async function writeKeyChain(
  { store, clock, root, authority }: FoundMeshInit,
  mesh: string,
): Promise<KeyChain> {
  const link = { mesh, seq: 1, jwk: authority.jwk, iat: Math.floor(clock.now() / 1000) }
  const chain = { root: root.jwk, links: [await signKeyLink(root.signer, link)] }
  await store.headParts.writePart('keys', 0, JSON.stringify(chain))
  return verifyKeyChain(mesh, chain)
}

/** Writes policy, relays and revocations as number 1, each unless it exists. */
async function writeFirstParts({ store, authority }: FoundMeshInit, mesh: string): Promise<void> {
  const { signer } = authority
  const first = {
    policy: () => signPolicy(signer, { mesh, number: 1, policy: defaultPolicy }),
    relays: () => signRelays(signer, { mesh, number: 1, relays: [] }),
    revocations: () => signRevocations(signer, { mesh, number: 1, peerIds: [], serials: [] }),
  }
  for (const [name, sign] of Object.entries(first))
    if ((await store.headParts.readPart(name)) === undefined)
      await store.headParts.writePart(name, 0, await sign())
}
