/**
 * A backup as lines of JSON: a head, the rows of the store in batches, the files of the data folder, and an end with the
 * SHA-256 of all lines before it. On disk it is compressed with gzip. It holds every key of the mesh in clear text.
 */
import { meshIdField, MeshError, millisField, parseJson, version as build } from '@agent-mesh/protocol'
import { createHash } from 'node:crypto'
import * as z from 'zod/mini'
import { dumpBatch, type StoreDump } from '../../../store/dump.ts'

/** Bytes of one line: a batch ends with the row that passes its bound, and JSON may escape each character. */
const mostLineBytes = 8 * dumpBatch.bytes

const count = z.int().check(z.nonnegative())
const name = z.string().check(z.regex(/^[a-z_]{1,63}$/, { error: 'is not a name of a table or column' }))
const value = z.union([z.string(), z.number(), z.boolean(), z.null()])

export const backupHead = z.looseObject({
  format: z.literal('agent-mesh-backup'),
  version: z.literal(1),
  /** Build that wrote it. */
  build: z.string(),
  meshId: meshIdField,
  /** Unix milliseconds. */
  at: millisField,
  kind: z.enum(['sqlite', 'postgres']),
  schema: z.int().check(z.minimum(1), z.maximum(10_000)),
})
export type BackupHead = z.output<typeof backupHead>

const tableLine = z.strictObject({
  table: name,
  columns: z.array(name).check(z.minLength(1), z.maxLength(64)),
  rows: z.array(z.array(value)).check(z.maxLength(dumpBatch.rows)),
})

/** Keys and the copy of their chain. */
export const backupFileName =
  /^(root-key|authority-key(-next|-retired-[\w-]{1,16})?|key-chain|admin-identity)\.json$/
const fileLine = z.strictObject({
  file: z.string().check(z.regex(backupFileName, { error: 'is not a file of a control plane' })),
  text: z.string().check(z.maxLength(1024 * 1024)),
})
export type BackupFile = z.output<typeof fileLine>

const endLine = z.strictObject({ end: z.literal(true), rows: count, sha256: z.string() })

export type BackupLine =
  | { head: BackupHead }
  | { table: z.output<typeof tableLine> }
  | { file: BackupFile }
  | { end: { rows: number } }

/**
 * @param files read after the first row, so that they include a key that is made meanwhile
 * @throws MeshError unavailable when the store fails meanwhile
 */
export async function* backupLines(init: {
  dump: StoreDump
  meshId: string
  at: number
  files: () => Promise<BackupFile[]>
}): AsyncGenerator<string, void, undefined> {
  const hash = createHash('sha256')
  const line = (content: object): string => {
    const text = `${JSON.stringify(content)}\n`
    hash.update(text)
    return text
  }
  let rows = 0
  const { meshId, at } = init
  for await (const part of init.dump)
    if ('kind' in part) yield line({ format: 'agent-mesh-backup', version: 1, build, meshId, at, ...part })
    else {
      rows += part.rows.length
      yield line(part)
    }
  for (const file of await init.files()) yield line(file)
  yield `${JSON.stringify({ end: true, rows, sha256: hash.digest('hex') })}\n`
}

/**
 * Reads a backup, checked line by line. The last line proves that the backup is whole: without it no line counts.
 * @throws MeshError invalid_argument for anything else than a whole backup
 */
export async function* readBackupLines(
  input: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<BackupLine, void, undefined> {
  const hash = createHash('sha256')
  let rows = 0
  let first = true
  let ended = false
  for await (const text of linesOf(input)) {
    if (ended) throw damaged('it goes on after its end')
    const line = parseLine(text, first)
    first = false
    if ('end' in line) {
      if (line.sha256 !== hash.digest('hex') || line.rows !== rows) throw damaged('its checksum is another')
      ended = true
      yield { end: { rows } }
      continue
    }
    hash.update(`${text}\n`)
    if ('table' in line) rows += line.table.rows.length
    yield line
  }
  if (!ended) throw damaged('its end is missing')
}

type ParsedLine = Exclude<BackupLine, { end: unknown }> | z.output<typeof endLine>

function parseLine(text: string, first: boolean): ParsedLine {
  if (first) return { head: parseJson(backupHead, text, 'read backup') }
  if (text.startsWith('{"table":')) return { table: parseJson(tableLine, text, 'read backup') }
  if (text.startsWith('{"file":')) return { file: parseJson(fileLine, text, 'read backup') }
  return parseJson(endLine, text, 'read backup')
}

async function* linesOf(input: AsyncIterable<Uint8Array | string>): AsyncGenerator<string, void, undefined> {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  for await (const chunk of input) {
    rest += typeof chunk === 'string' ? chunk : utf8.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > mostLineBytes) throw damaged('a line of it is too long')
    yield* lines
  }
  if (rest !== '') throw damaged('it is cut off')
}

export const damaged = (reason: string): MeshError =>
  new MeshError('invalid_argument', `Cannot read backup: ${reason}`, {
    hint: 'Use another backup. Nothing was changed.',
  })
