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
    .argument('<file>', 'written by agent-mesh admin backup')
    .addOption(storeOption('where to'))
    .addHelpText(
      'after',
      `
Nothing may run in the data folder. Key files that are there stay: they may be newer than the backup. A store that holds a
mesh, and a folder with the keys of another mesh, are left alone. The next start of the control plane makes members accept
what the backup says, as --restored does, and prints what has to be done again.

Examples:
  $ agent-mesh admin restore mesh-2027-01-31.backup
  $ agent-mesh --data /srv/mesh admin restore mesh.backup --store postgres://mesh@db.example.com/mesh

Exit codes: 0 restored, 2 the backup is damaged, 7 it is of another kind of store, 8 the store or folder is in use.`,
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
  files.length === 0 ? 'Every key file was there and stays.' : `Written: ${files.join(', ')}.`,
  `Start it: agent-mesh${flags} control-plane`,
]
