import { MeshError, meshIdOf } from '@agent-mesh/protocol'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileKey } from '../../../signer/file-key.ts'
import { systemClock, type Clock } from '../../../store/clock.ts'
import type { Store } from '../../../store/store.ts'
import { lostStore, refuseMissingFile } from '../lost-store.ts'
import { rootKeyFile } from '../mesh-keys.ts'
import { openStore, type StoreChoice } from '../open-store.ts'
import { backupFileName, backupLines, type BackupFile } from './backup-format.ts'

/**
 * The lines of a backup of a mesh: its store and the key files of the data folder.
 * @throws MeshError unsupported where the database makes its own backups
 */
export function backUp(mesh: {
  store: Store
  clock: Clock
  meshId: string
  data: string
}): AsyncGenerator<string, void, undefined> {
  const dump = mesh.store.dump?.()
  if (dump === undefined)
    throw new MeshError('unsupported', 'Cannot back up this store: DynamoDB keeps its own backups', {
      hint: 'Use point-in-time recovery, and keep a copy of the data folder: docs/stores.md.',
    })
  return backupLines({ dump, meshId: mesh.meshId, at: mesh.clock.now(), files: () => keyFiles(mesh.data) })
}

/**
 * The same for a control plane that does not run: the caller owns its data folder.
 * @throws MeshError not_found when the folder has no mesh, conflict when the store has none
 */
export async function* backUpStopped(init: {
  data: string
  store: StoreChoice
}): AsyncGenerator<string, void, undefined> {
  const { data, store: choice } = init
  const root = await fileKey(join(data, rootKeyFile))
  if (root === undefined)
    throw new MeshError(
      'not_found',
      `Cannot back up ${data}: it has no ${rootKeyFile}, so no control plane ran here`,
      {
        hint: 'Name the folder of the control plane: --context NAME, or --data DIR.',
      },
    )
  await refuseMissingFile(data, choice)
  const store = await openStore(choice, { clock: systemClock })
  try {
    if ((await store.headParts.readPart('keys')) === undefined) throw lostStore(data)
    yield* backUp({ store, clock: systemClock, meshId: await meshIdOf(root.jwk), data })
  } finally {
    await store.close()
  }
}

async function keyFiles(data: string): Promise<BackupFile[]> {
  const names = (await readdir(data)).filter(name => backupFileName.test(name)).sort()
  return Promise.all(names.map(async file => ({ file, text: await readFile(join(data, file), 'utf8') })))
}
