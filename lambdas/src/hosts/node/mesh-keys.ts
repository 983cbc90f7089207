import { MeshError, meshIdOf } from '@agent-mesh/protocol'
import { join } from 'node:path'
import { foundMesh, type AuthorityKey } from '../../domain/found-mesh.ts'
import { keyring, readKeyChain, type Keyring } from '../../domain/keyring.ts'
import { lostLinks, restoreKeyChain } from '../../domain/restored-mesh.ts'
import type { Clock } from '../../store/clock.ts'
import type { Store } from '../../store/store.ts'
import { fileKey, makeFileKey } from '../../signer/file-key.ts'
import { authorityKeyFiles, type AuthorityKeyFiles } from './authority-key-files.ts'
import { keptKeyChain, keyChainFile } from './key-chain-file.ts'
import { hasServed, lostStore } from './lost-store.ts'

/** Of the mesh; its thumbprint is the mesh id. Signs the key chain and nothing else. */
export const rootKeyFile = 'root-key.json'

/**
 * The mesh of a data folder: its keys, made on the first start.
 * @throws MeshError not_found when the database knows a mesh and a key file is missing, conflict when they differ,
 * or the store is empty or older than the folder without the option for it, permission_denied and invalid_argument naming
 * the file
 */
export async function openMesh(init: {
  data: string
  store: Store
  clock: Clock
  /** The store is older than the data folder: the links of the key chain that it lost are restored. */
  restored: boolean
  /** The folder has served a mesh, and it begins again in an empty store. @default false: it refuses */
  empty?: boolean
}): Promise<{ ring: Keyring; root: AuthorityKey; files: AuthorityKeyFiles }> {
  const founded = (await init.store.headParts.readPart('keys')) !== undefined
  const served = await hasServed(init.data)
  if (served && !founded && init.empty !== true) throw lostStore(init.data)
  const files = authorityKeyFiles(init.data)
  const open = async (path: string): Promise<AuthorityKey> => {
    const key = await fileKey(path)
    if (key !== undefined) return key
    if (founded || served)
      throw new MeshError('not_found', `Cannot open mesh: ${path} is missing, and the mesh was made before`, {
        hint: `Restore ${path} from a backup, or begin a new mesh in another data folder.`,
      })
    return makeFileKey(path)
  }
  const root = await open(join(init.data, rootKeyFile))
  const meshId = await meshIdOf(root.jwk)
  await followKept(init, meshId)
  // A replacement of a stolen key may have crashed before the new key got its name.
  const authority =
    (await files.unrevoked(await readKeyChain(init.store.headParts, meshId))) ?? (await open(files.current))
  const keys = await foundMesh({ ...init, root, authority })
  await files.keepChain(keys)
  return { ring: keyring({ ...init, keys, open: kid => files.open(kid) }), root, files }
}

/** @throws MeshError conflict when the store has lost links of the key chain and `restored` is not set */
async function followKept(
  { data, store, restored }: { data: string; store: Store; restored: boolean },
  meshId: string,
): Promise<void> {
  const kept = await keptKeyChain(data, meshId)
  if (kept === undefined) return
  const stored = await readKeyChain(store.headParts, meshId)
  // Members know these keys, so the empty store begins with them.
  if (stored === undefined)
    return void (await store.headParts.writePart(
      'keys',
      0,
      JSON.stringify(kept.signed),
      kept.signed.links.length,
    ))
  if (!lostLinks(stored, kept)) return
  if (restored) return restoreKeyChain(store.headParts, kept)
  throw new MeshError(
    'conflict',
    `Cannot open mesh ${meshId}: its database knows ${stored.signed.links.length} authority keys, ${keyChainFile} ${kept.signed.links.length}`,
    { hint: 'If the database was restored from a backup, start it once with --restored.' },
  )
}
