import { MeshError, type KeyChain } from '@agent-mesh/protocol'
import { join } from 'node:path'
import { foundMesh, type AuthorityKey } from '../../domain/found-mesh.ts'
import type { Clock } from '../../store/clock.ts'
import type { Store } from '../../store/store.ts'
import { fileKey, makeFileKey } from '../../signer/file-key.ts'

/** Of the mesh; its thumbprint is the mesh id. Signs the key chain and nothing else. */
export const rootKeyFile = 'root-key.json'
/** Signs credentials and the head. */
const authorityKeyFile = 'authority-key.json'

/**
 * The mesh of a data folder: its keys, made on the first start.
 * @throws MeshError not_found when the database knows a mesh and a key file is missing, conflict when they differ,
 * permission_denied and invalid_argument naming the file
 */
export async function openMesh(init: {
  data: string
  store: Store
  clock: Clock
}): Promise<{ keys: KeyChain; authority: AuthorityKey }> {
  const founded = (await init.store.readPart('keys')) !== undefined
  const open = async (name: string): Promise<AuthorityKey> => {
    const path = join(init.data, name)
    const key = await fileKey(path)
    if (key !== undefined) return key
    if (founded)
      throw new MeshError('not_found', `Cannot open mesh: ${path} is missing, and its database is there`, {
        hint: `Restore ${path} from a backup, or begin a new mesh in another data folder.`,
      })
    return makeFileKey(path)
  }
  const root = await open(rootKeyFile)
  const authority = await open(authorityKeyFile)
  const keys = await foundMesh({ ...init, root, authority })
  return { keys, authority }
}
