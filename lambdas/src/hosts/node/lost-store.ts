/**
 * A data folder that has served a mesh, with a store that has none: the database was deleted, its disk is not mounted, its
 * write-ahead log was lost, or another store was configured. An empty mesh under the same keys would refuse every member.
 */
import { MeshError } from '@agent-mesh/protocol'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { adminFile } from './first-admin.ts'
import { keyChainFile } from './key-chain-file.ts'
import { describeStore, type StoreChoice } from './open-store.ts'

/** Whether the folder has served a mesh: then its keys must exist, and its store must not be empty. */
export async function hasServed(data: string): Promise<boolean> {
  const [chain = 0, admin = 0, root = 0] = await Promise.all(
    [keyChainFile, adminFile, 'root-key.json'].map(file => bytesOf(join(data, file))),
  )
  // The first two are written once a store holds the mesh, never before; the key of an admin alone may come from another machine.
  return chain > 0 || (admin > 0 && root > 0)
}

/**
 * Checked before a file is made: the folder of a disk that is not mounted stays unchanged.
 * @throws MeshError conflict when the folder has served a mesh and its database file is missing or empty
 */
export async function refuseMissingFile(data: string, choice: StoreChoice): Promise<void> {
  if (choice.kind !== 'sqlite' || (await bytesOf(choice.file)) > 0 || !(await hasServed(data))) return
  throw lostStore(data, `${describeStore(choice)} is missing`)
}

export const lostStore = (data: string, reason = 'its store is empty'): MeshError =>
  new MeshError('conflict', `Cannot open the mesh of ${data}: its keys are here, but ${reason}`, {
    hint: 'Mount or name the right store (--store), or restore a backup (agent-mesh admin restore FILE). To begin without any member, token, policy or audit entry: --empty-store.',
  })

async function bytesOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return 0
    throw new MeshError('permission_denied', `Cannot look at ${file}: ${String(cause)}`, { cause })
  }
}
