import type { WrittenBackup } from '@agent-mesh/lambdas'
import { join, resolve } from 'node:path'

import { parseNewFile } from '../arguments.ts'
import { ownDataFolder, stopFirst } from '../data/data-folder.ts'
import { NothingRunningError } from '../exit-codes.ts'
import type { Settings } from '../settings.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { onCall, type Register } from './define.ts'
import { storeOption } from './store-option.ts'

interface BackupOptions {
  force?: boolean
  store?: string
}

/** `agent-mesh admin backup`. */
export const registerBackup: Register = (admin, finish) => {
  const command = admin
    .command('backup')
    .description('back up a mesh on SQLite or PostgreSQL into one file')
    .argument('<file>', 'file to write (mode 0600), completely or not at all', parseNewFile)
    .option('--force', 'replace the file if it exists')
    .addOption(storeOption('store of a control plane that is stopped'))
    .addHelpText(
      'after',
      `
The file is secret: it holds the root key, the authority keys and the key of the first admin in clear text, and members,
tokens, policy and audit log. Keep it where you would keep the root key, and encrypt it before it leaves the machine.

Asks the control plane that runs in this context. If it is stopped, the command reads its folder and store.

Examples:
  $ agent-mesh admin backup mesh-2027-01-31.backup
  $ agent-mesh admin backup /backup/mesh.backup --force --json

Exit codes: 0 written, 8 the file exists, 7 there is no such folder, or the store makes its own backups (DynamoDB).`,
    )
  onCall<BackupOptions, [string]>(command, finish, async ({ settings, options, output, signal }, given) => {
    const { writeBackup } = await import('@agent-mesh/lambdas')
    const { force = false } = options
    const file = resolve(given)
    const written = await withProgress(settings, 'Backing up', async say => {
      const onRows = (rows: number) => say(`Backing up: ${rows} rows`)
      const lines = linesOf(settings, options.store, signal)
      return writeBackup(lines, file, { force, onRows })
    })
    output.result(written, () => writtenText(written))
  })
}

async function* linesOf(
  { data }: Settings,
  store: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array | string, void, undefined> {
  const { localClient } = await import('../local/local-client.ts')
  try {
    return yield* localClient(data, signal).backup()
  } catch (error) {
    if (!(error instanceof NothingRunningError)) throw error
  }
  const { backUpStopped, parseStoreChoice } = await import('@agent-mesh/lambdas')
  const choice =
    store === undefined
      ? { kind: 'sqlite' as const, file: join(data, 'control-plane.db') }
      : parseStoreChoice(store)
  const folder = await ownDataFolder(data, 'backup', stopFirst)
  try {
    yield* backUpStopped({ data, store: choice })
  } finally {
    await folder.release()
  }
}

const writtenText = ({ file, bytes, rows, at }: WrittenBackup): Text => [
  `Written to ${file}: ${rows} rows, ${bytes} bytes, state of ${new Date(at).toISOString()}.`,
  'The file holds the keys of the mesh in clear text: keep it where you keep the root key.',
]
