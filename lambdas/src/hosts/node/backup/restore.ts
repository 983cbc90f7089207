/** Restores a backup into an empty store, with the key files that the data folder lacks. Nothing runs on either meanwhile. */
import { MeshError, meshIdOf } from '@agent-mesh/protocol'
import { chmod, mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileKey } from '../../../signer/file-key.ts'
import type { TableRows } from '../../../store/dump.ts'
import { fillDatabase, holdsMesh } from '../../../store/sqlite/dump.ts'
import { rootKeyFile } from '../mesh-keys.ts'
import { describeStore, type StoreChoice } from '../open-store.ts'
import { writeWhole } from '../../../files/whole-file.ts'
import { readBackup } from './backup-file.ts'
import { damaged, type BackupFile, type BackupHead, type BackupLine } from './backup-format.ts'
import { notePendingRestore } from './pending-restore.ts'

export interface RestoredBackup extends Pick<BackupHead, 'meshId' | 'at'> {
  store: string
  rows: number
  /** Key files that were written; existing ones stay. */
  files: string[]
}

/**
 * @throws MeshError conflict when the store holds a mesh or the folder is of another one, unsupported for a store of another
 * kind, invalid_argument for a damaged backup; then nothing has changed
 */
export async function restoreBackup(init: {
  file: string
  data: string
  store: StoreChoice
  /** Gets the number of rows restored so far. */
  onRows?: (rows: number) => void
}): Promise<RestoredBackup> {
  const { data, store } = init
  await mkdir(data, { recursive: true, mode: 0o700 })
  const lines = readBackup(init.file)
  try {
    const head = await headOf(lines)
    await refuse(init, head)
    let files: string[] = []
    const rest = new Rest(lines, init.onRows, async found => {
      files = await writeMissing(data, found)
      await notePendingRestore(data, head)
    })
    await fill(store, head, rest)
    return { meshId: head.meshId, at: head.at, store: describeStore(store), rows: rest.rows, files }
  } finally {
    await lines.return()
  }
}

async function headOf(lines: AsyncGenerator<BackupLine>): Promise<BackupHead> {
  const { value } = await lines.next()
  if (value === undefined || !('head' in value)) throw damaged('it has no head')
  return value.head
}

/** @throws MeshError before anything is written */
async function refuse(
  { data, store }: { data: string; store: StoreChoice },
  head: BackupHead,
): Promise<void> {
  if (store.kind !== head.kind)
    throw new MeshError(
      'unsupported',
      `Cannot restore into ${describeStore(store)}: the backup is of ${head.kind}`,
      {
        hint: 'Name a store of that kind with --store.',
      },
    )
  if (store.kind === 'sqlite' && holdsMesh(store.file))
    throw new MeshError('conflict', `Cannot restore: ${store.file} holds a mesh already`, {
      hint: 'Move it away first, with its -wal and -shm files, or restore into another folder (--data DIR).',
    })
  const root = await fileKey(join(data, rootKeyFile))
  if (root !== undefined && (await meshIdOf(root.jwk)) !== head.meshId)
    throw new MeshError(
      'conflict',
      `Cannot restore: ${data} has the keys of another mesh than ${head.meshId}`,
      {
        hint: 'Restore into an empty folder: --data DIR.',
      },
    )
}

/**
 * Restores what follows the head: rows for the store, and, once the backup was found whole, files for the folder. The files
 * are written before the store commits, so an interrupted restore can be repeated.
 */
class Rest implements AsyncIterable<TableRows> {
  rows = 0
  readonly #lines: AsyncGenerator<BackupLine>
  readonly #onRows: (rows: number) => void
  readonly #onFiles: (files: BackupFile[]) => Promise<void>

  constructor(
    lines: AsyncGenerator<BackupLine>,
    onRows: (rows: number) => void = () => {},
    onFiles: (files: BackupFile[]) => Promise<void>,
  ) {
    this.#lines = lines
    this.#onRows = onRows
    this.#onFiles = onFiles
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TableRows, void, undefined> {
    const files: BackupFile[] = []
    for await (const line of this.#lines)
      if ('table' in line) {
        yield line.table
        this.#onRows((this.rows += line.table.rows.length))
      } else if ('file' in line) files.push(line.file)
    if (!files.some(({ file }) => file === rootKeyFile)) throw damaged(`it lacks ${rootKeyFile}`)
    await this.#onFiles(files)
  }
}

/** All or nothing. */
async function fill(store: StoreChoice, { schema }: BackupHead, rest: Rest): Promise<void> {
  if (store.kind === 'postgres') {
    const { fillPostgres } = await import('../../../store/postgres/dump.ts')
    return fillPostgres(store.url, schema, rest)
  }
  if (store.kind !== 'sqlite')
    throw new MeshError('unsupported', 'Cannot restore into DynamoDB: it keeps its own backups')
  const temporary = `${store.file}.restoring`
  const clear = async (path: string) => {
    for (const ending of ['', '-wal', '-shm']) await rm(`${path}${ending}`, { force: true })
  }
  await mkdir(dirname(store.file), { recursive: true, mode: 0o700 })
  await clear(temporary)
  try {
    await fillDatabase(temporary, schema, rest)
    await chmod(temporary, 0o600)
    await clear(store.file)
    await rename(temporary, store.file)
  } finally {
    await clear(temporary)
  }
}

/** Existing files may be newer: the key may have changed after the backup. */
async function writeMissing(data: string, files: readonly BackupFile[]): Promise<string[]> {
  const written: string[] = []
  for (const { file, text } of files) {
    const path = join(data, file)
    const there = await stat(path).then(
      () => true,
      () => false,
    )
    if (there) continue
    await writeWhole(path, text)
    written.push(file)
  }
  return written
}
