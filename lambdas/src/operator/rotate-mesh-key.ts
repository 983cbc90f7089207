/** A new authority key for the mesh of a deployed stack: the operator's part, done with the operator's rights. */
import { MeshError } from '@agent-mesh/protocol'
import { join } from 'node:path'
import { changeFeed } from '../domain/change-feed.ts'
import type { AuthorityKey } from '../domain/found-mesh.ts'
import { introduceKey, replaceStolenKeys, takeOverParts } from '../domain/key-rotation.ts'
import { fileKey } from '../signer/file-key.ts'
import { kmsKey } from '../signer/kms-key.ts'
import { systemClock, type Clock } from '../store/clock.ts'
import { openDynamoStore } from '../store/dynamodb/dynamo-store.ts'
import type { Store } from '../store/store.ts'
import { keepKeyChain } from '../hosts/node/key-chain-file.ts'
import { rootKeyFile } from '../hosts/node/mesh-keys.ts'
import type { StackFacts } from './init-mesh.ts'
import { kmsKeys, operatorRing, storedKeyChain } from './operator-keys.ts'

export interface RotatedMeshKey {
  /** Thumbprint of the new key. */
  kid: string
  /** When it begins to sign, unix milliseconds: deploy the stack with it then. */
  signsAt: number
  revoked: string[]
}

/**
 * Introduces the KMS key as the mesh's newest authority key; repeated once it signs, it signs the head anew.
 * @param data folder with the root key, which is needed to revoke; a copy of the key chain is kept there
 * @throws MeshError not_found without mesh or root key, conflict while another rotation is under way or the stack lacks the key
 */
export async function rotateMeshKey(
  data: string,
  facts: StackFacts,
  options: { kmsKey: string; revoke: boolean },
): Promise<RotatedMeshKey> {
  const { table, maxMembers } = facts
  const store = openDynamoStore({ table, maxMembers })
  try {
    const [next, own] = [await kmsKey(options.kmsKey), await kmsKeys(facts.authorityKeyIds)]
    if (!own.some(({ signer }) => signer.kid === next.signer.kid)) throw notDeployed(facts, options.kmsKey)
    const root = options.revoke ? await rootOf(data) : undefined
    const rotated = await rotateAuthority({ store, clock: systemClock, next, own, root })
    await keepKeyChain(data, await storedKeyChain(store.headParts, 'keep the key chain'))
    return rotated
  } finally {
    await store.close()
  }
}

/** Lambdas without the key could not sign once it is the only one. */
const notDeployed = ({ authorityKeyIds }: StackFacts, kmsKeyId: string) =>
  new MeshError('conflict', `Cannot rotate to ${kmsKeyId}: the stack may not sign with it`, {
    hint: `First: agent-mesh deploy aws --set authorityKeyArn=${authorityKeyIds.join()},ARN with its ARN`,
  })

async function rootOf(data: string): Promise<AuthorityKey> {
  const path = join(data, rootKeyFile)
  const root = await fileKey(path)
  if (root !== undefined) return root
  throw new MeshError('not_found', `Cannot revoke authority keys: ${path} is missing`, {
    hint: 'Only the root key can; restore it from where it is kept.',
  })
}

/** The rotation, for keys of any kind. @param init.root to revoke all keys but `next` */
export async function rotateAuthority(init: {
  store: Store
  clock: Clock
  next: AuthorityKey
  /** The keys of the control plane: every key that it has to sign with. */
  own: readonly AuthorityKey[]
  root: AuthorityKey | undefined
}): Promise<RotatedMeshKey> {
  const { store, clock, next, own, root } = init
  const keys = await storedKeyChain(store.headParts, 'rotate the authority key')
  const ring = operatorRing({ store, clock, keys }, [next, ...own])
  const mesh = { store, clock, changes: changeFeed(), ring }
  const { kid } = next.signer
  if (root === undefined) {
    const signsAt = await introduceKey(mesh, next, 'operator')
    if ((await ring.pick()).kid === kid) await takeOverParts(mesh, known => ring.keys.keyOf(known))
    return { kid, signsAt, revoked: [] }
  }
  const before = ring.keys.authorities.filter(({ revoked }) => !revoked).map(key => key.kid)
  await replaceStolenKeys(mesh, root, next, 'operator')
  return { kid, signsAt: clock.now(), revoked: before.filter(other => other !== kid) }
}
