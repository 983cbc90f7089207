import type { RestoredBackup } from '@agent-mesh/lambdas'
import { join, resolve } from 'node:path'

import { ownDataFolder, stopFirst } from '../data/data-folder.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { onCall, type Register } from './define.ts'
import { storeOption } from './store-option.ts'

/** `agent-mesh admin restore`. */
export const registerRestore: Register = (admin, finish) => {
  const command = admin
    .command('restore')
    .description('restore a backup into an empty store')
    .argument('<file>', 'backup file, written by agent-mesh admin backup')
    .addOption(storeOption('store to restore into'))
    .addHelpText(
      'after',
      `
Stop the process of the data folder first. Existing key files are kept: they may be newer than the backup. A store that
holds a mesh, and a folder with the keys of another mesh, are refused. The next start of the control plane makes members
accept the restored state, as --restored does, and prints what you have to do again.

Examples:
  $ agent-mesh admin restore mesh-2027-01-31.backup
  $ agent-mesh --data /srv/mesh admin restore mesh.backup --store postgres://mesh@db.example.com/mesh

Exit codes: 0 restored, 2 the backup is damaged, 7 there is no such file, or it is from another kind of store, 8 the store or folder is in use.`,
    )
  onCall<{ store?: string }, [string]>(command, finish, async ({ settings, options, output }, given) => {
    const { parseStoreChoice, restoreBackup } = await import('@agent-mesh/lambdas')
    const { data } = settings
    const store =
      options.store === undefined
        ? { kind: 'sqlite' as const, file: join(data, 'control-plane.db') }
        : parseStoreChoice(options.store)
    const folder = await ownDataFolder(data, 'restore', stopFirst)
    try {
      const restored = await withProgress(settings, 'Restoring', say =>
        restoreBackup({
          file: resolve(given),
          data,
          store,
          onRows: rows => say(`Restoring: ${rows} rows`),
        }),
      )
      output.result(restored, () => restoredText(restored, settings.flags))
    } finally {
      await folder.release()
    }
  })
}

const restoredText = ({ meshId, at, store, rows, files }: RestoredBackup, flags: string): Text => [
  `Restored ${rows} rows into ${store}: mesh ${meshId} as of ${new Date(at).toISOString()}.`,
  files.length === 0 ? 'All key files existed and were kept.' : `Written: ${files.join(', ')}.`,
  `Start it: agent-mesh${flags} control-plane`,
]
