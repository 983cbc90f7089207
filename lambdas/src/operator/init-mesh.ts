/** Makes the mesh of a deployed stack: the operator's part, done on the operator's machine with the operator's rights. */
import { MeshError, type KeyChain } from '@agent-mesh/protocol'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { changeFeed } from '../domain/change-feed.ts'
import { controlPlane } from '../domain/control-plane.ts'
import { foundMesh, type AuthorityKey } from '../domain/found-mesh.ts'
import { fileKey, makeFileKey } from '../signer/file-key.ts'
import { systemClock } from '../store/clock.ts'
import { openDynamoStore } from '../store/dynamodb/dynamo-store.ts'
import type { StoreParts } from '../store/store.ts'
import { firstAdmin } from '../hosts/node/first-admin.ts'
import { keepKeyChain } from '../hosts/node/key-chain-file.ts'
import { hasServed } from '../hosts/node/lost-store.ts'
import { rootKeyFile } from '../hosts/node/mesh-keys.ts'
import { kmsKeys, lostTable, storedKeyChain } from './operator-keys.ts'

/** Outputs of the stack. */
export interface StackFacts {
  table: string
  /** KMS keys that the Lambdas may sign with, oldest first. */
  authorityKeyIds: readonly string[]
  publicUrl: string
  maxMembers: number
}

export interface InitialisedMesh {
  meshId: string
  publicUrl: string
  /** Root key of the mesh: it can introduce a new authority key. Keep it offline. */
  rootKeyFile: string
  /** Private key of the first admin. */
  adminIdentityFile: string
  adminPeerId: string
}

/**
 * Makes the root key in `data`, signs the key in KMS as the mesh's authority, writes the first head and enrols the first
 * admin, whose key is made in `data`, too. No secret leaves the machine. Repeatable: existing parts are kept.
 * @throws MeshError conflict when the table holds the mesh of another root key, or is empty and the folder has served one
 */
export async function initMesh(data: string, facts: StackFacts): Promise<InitialisedMesh> {
  const { table, maxMembers, publicUrl } = facts
  await mkdir(data, { recursive: true, mode: 0o700 })
  const store = openDynamoStore({ table, maxMembers })
  try {
    if ((await hasServed(data)) && (await store.headParts.readPart('keys')) === undefined)
      throw lostTable(data, table)
    const rootFile = join(data, rootKeyFile)
    const root = (await fileKey(rootFile)) ?? (await newRoot(rootFile, store))
    const authority = await signingKey(facts.authorityKeyIds, store)
    const keys = await foundMesh({ store, clock: systemClock, root, authority })
    await keepKeyChain(data, keys)
    const admin = await firstAdmin(data, controlPlane({ ...contextOf(keys, authority), store, publicUrl }))
    const { file, peerId } = admin
    return {
      meshId: keys.meshId,
      publicUrl,
      rootKeyFile: rootFile,
      adminIdentityFile: file,
      adminPeerId: peerId,
    }
  } finally {
    await store.close()
  }
}

/** The key in KMS that the mesh knows; for an empty table the first key, which founds the mesh. */
async function signingKey(
  ids: readonly string[],
  store: Pick<StoreParts, 'headParts'>,
): Promise<AuthorityKey> {
  const keys = await kmsKeys(ids)
  const [first] = keys
  if ((await store.headParts.readPart('keys')) === undefined) return first
  const { authorities } = await storedKeyChain(store.headParts, 'use the authority key')
  const known = authorities.filter(({ revoked }) => !revoked).map(({ kid }) => kid)
  return keys.find(({ signer }) => known.includes(signer.kid)) ?? first
}

/** A table with a mesh belongs to an existing root key. */
async function newRoot(file: string, store: Pick<StoreParts, 'headParts'>): Promise<AuthorityKey> {
  if ((await store.headParts.readPart('keys')) === undefined) return makeFileKey(file)
  throw new MeshError(
    'conflict',
    `Cannot make root key ${file}: the table holds a mesh already, with another root key`,
    {
      hint: 'Use the data folder it was made in (--context NAME, --data DIR), or restore its root key there.',
    },
  )
}

const contextOf = (keys: KeyChain, { signer }: AuthorityKey) => ({
  meshId: keys.meshId,
  keys,
  signer,
  clock: systemClock,
  changes: changeFeed(),
})
