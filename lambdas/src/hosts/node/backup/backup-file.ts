/** The file of a backup: compressed, mode 0600, written whole or not at all. */
import { MeshError } from '@agent-mesh/protocol'
import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { link, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { fileFailure } from '../../../files/whole-file.ts'
import { damaged, readBackupLines, type BackupHead, type BackupLine } from './backup-format.ts'

export interface WrittenBackup extends Pick<BackupHead, 'meshId' | 'at' | 'kind'> {
  file: string
  /** Of the compressed file. */
  bytes: number
  rows: number
}

/**
 * Writes the lines of a backup, checked as they pass.
 * @param options.force replaces an existing file
 * @param options.onRows gets the number of rows written so far
 * @throws MeshError conflict when the file exists, or is no regular file; not_found without its folder; unavailable when the disk is
 * full; invalid_argument when lines are missing
 */
export async function writeBackup(
  lines: AsyncIterable<Uint8Array | string>,
  file: string,
  { force = false, onRows = () => {} }: { force?: boolean; onRows?: (rows: number) => void } = {},
): Promise<WrittenBackup> {
  // Checked early, before minutes of work; the link at the end decides.
  const found = await stat(file).catch(() => undefined)
  // As root, a rename would replace /dev/null for all processes of the machine.
  if (found?.isFile() === false)
    throw new MeshError('conflict', `Cannot write backup ${file}: it is no regular file`)
  if (found === undefined) await checkFolder(file)
  if (!force && found !== undefined) throw thereAlready(file)
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const seen: { head?: BackupHead; rows: number } = { rows: 0 }
    const out = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(passing(lines, seen, onRows), createGzip(), out)
    await (force ? rename(temporary, file) : link(temporary, file))
    const { size: bytes } = await stat(file)
    const { meshId = '', at = 0, kind = 'sqlite' } = seen.head ?? {}
    return { file, bytes, rows: seen.rows, meshId, at, kind }
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') throw thereAlready(file)
    throw fileFailure(`write backup ${file}`, cause)
  } finally {
    // A name that the file system refuses has no file either; the reason above matters.
    await rm(temporary, { force: true }).catch(() => undefined)
  }
}

/** Checks each line as a restore would read it. */
async function* passing(
  lines: AsyncIterable<Uint8Array | string>,
  seen: { head?: BackupHead; rows: number },
  onRows: (rows: number) => void,
): AsyncGenerator<string, void, undefined> {
  const passed: string[] = []
  const tee = async function* () {
    const utf8 = new TextDecoder()
    for await (const chunk of lines) {
      const text = typeof chunk === 'string' ? chunk : utf8.decode(chunk, { stream: true })
      passed.push(text)
      yield text
    }
  }
  for await (const line of readBackupLines(tee())) {
    if ('head' in line) seen.head = line.head
    if ('table' in line) onRows((seen.rows += line.table.rows.length))
    yield passed.splice(0).join('')
  }
}

/** @throws MeshError not_found, permission_denied, invalid_argument */
export async function* readBackup(file: string): AsyncGenerator<BackupLine, void, undefined> {
  const compressed = createReadStream(file)
  const plain = compressed.pipe(createGunzip())
  compressed.on('error', error => plain.destroy(error))
  try {
    yield* readBackupLines(plain)
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new MeshError('not_found', `Cannot read backup ${file}: there is no such file`, { cause, hint })
    if (code === 'EISDIR')
      throw new MeshError('invalid_argument', `Cannot read backup ${file}: it is a folder`, { cause, hint })
    if (code.startsWith('Z_') || code.startsWith('ERR_ENCODING'))
      throw damaged(`it is no whole gzip file (${code})`)
    throw fileFailure(`read backup ${file}`, cause)
  } finally {
    compressed.destroy()
    plain.destroy()
  }
}

/** @throws MeshError not_found */
async function checkFolder(file: string): Promise<void> {
  const folder = dirname(file)
  const isThere = await stat(folder).then(
    found => found.isDirectory(),
    (cause: NodeJS.ErrnoException) => cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR',
  )
  if (isThere) return
  throw new MeshError('not_found', `Cannot write backup ${file}: there is no folder ${folder}`, {
    hint: 'Create the folder, or name a file in another one.',
  })
}

const hint = 'Name the file that "agent-mesh admin backup" wrote.'

const thereAlready = (file: string) =>
  new MeshError('conflict', `Cannot write backup ${file}: the file exists`, {
    hint: 'Choose another name, or replace it with --force.',
  })
