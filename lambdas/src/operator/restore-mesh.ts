/** A deployed mesh whose table was restored from a backup: the operator's part, done with the operator's rights. */
import { changeFeed } from '../domain/change-feed.ts'
import type { AuthorityKey } from '../domain/found-mesh.ts'
import { restoreKeyChain, takeUpRestored, type RestoredMesh } from '../domain/restored-mesh.ts'
import { systemClock, type Clock } from '../store/clock.ts'
import { openDynamoStore } from '../store/dynamodb/dynamo-store.ts'
import type { Store } from '../store/store.ts'
import { keptKeyChain } from '../hosts/node/key-chain-file.ts'
import { hasServed } from '../hosts/node/lost-store.ts'
import type { StackFacts } from './init-mesh.ts'
import { kmsKeys, lostTable, operatorRing, storedKeyChain } from './operator-keys.ts'

/**
 * Makes members accept the documents of the restored table. Repeatable.
 * @param data folder of the operator: its copy of the key chain has the links that the table lost
 * @throws MeshError not_found without a mesh, unavailable when the key in KMS is none that may sign
 */
export async function restoreMesh(data: string, facts: StackFacts): Promise<RestoredMesh> {
  const { table, maxMembers } = facts
  const store = openDynamoStore({ table, maxMembers })
  try {
    if ((await hasServed(data)) && (await store.headParts.readPart('keys')) === undefined)
      throw lostTable(data, table)
    return await takeUpTable({
      data,
      store,
      clock: systemClock,
      own: await kmsKeys(facts.authorityKeyIds),
    })
  } finally {
    await store.close()
  }
}

/** The same, for any store and key. */
export async function takeUpTable({
  data,
  store,
  clock,
  own,
}: {
  data: string
  store: Store
  clock: Clock
  /** Authority keys that may sign. */
  own: readonly AuthorityKey[]
}): Promise<RestoredMesh> {
  const keys = await storedKeyChain(store.headParts, 'restore the mesh')
  const kept = await keptKeyChain(data, keys.meshId)
  if (kept !== undefined) await restoreKeyChain(store.headParts, kept)
  const ring = operatorRing({ store, clock, keys }, own)
  return takeUpRestored({ store, clock, ring, changes: changeFeed() }, 'operator')
}
