/** Reads the audit files of a data folder: for their process when it starts, and to show or verify them. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import {
  AuditVerifier,
  MeshError,
  parseAuditLine,
  toMeshError,
  type AuditBreak,
  type AuditEntry,
  type AuditHead,
} from '@agent-mesh/protocol'

/** Lines that are read between two looks for other work: some ms. */
const linesOfATurn = 256

export const auditFile = (folder: string): string => join(folder, 'audit.jsonl')

/** Where the current file goes when it is full; the names sort by the last entry. */
export const rotatedAuditFile = (folder: string, lastSeq: number): string =>
  join(folder, `audit.${String(lastSeq).padStart(16, '0')}.jsonl`)

/** Oldest first; without the current one. */
export async function rotatedAuditFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder)
  const rotated = names.filter(name => /^audit\.\d{16}\.jsonl$/.test(name))
  return rotated.sort().map(name => join(folder, name))
}

/** A line as it stands in a file. */
export interface AuditLine {
  file: string
  number: number
  text: string
}

/** Whole lines, oldest first; what is being written just now is left out. Ends when there is no log. */
export async function* auditLines(folder: string): AsyncGenerator<AuditLine> {
  const rotated = await rotatedAuditFiles(folder).catch(() => [])
  for (const file of [...rotated, auditFile(folder)]) {
    const text = await readFile(file, 'utf8').catch((error: unknown) => missing(error, file))
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
    for (const [i, line] of lines.slice(0, -1).entries()) yield { file, number: i + 1, text: line }
  }
}

/** The current file, then the others, the newest first. */
export const newestAuditFiles = async (folder: string): Promise<string[]> => [
  auditFile(folder),
  ...(await rotatedAuditFiles(folder).catch(() => [])).reverse(),
]

/** Entries of a file, the newest first; lines that are none are left out. @throws MeshError for a file that cannot be read */
export async function* newestFirst(file: string): AsyncGenerator<AuditEntry> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => missing(error, file))
  for (const [i, line] of text.split('\n').reverse().entries()) {
    // A full file takes 0.1 s: calls are served meanwhile.
    if (i % linesOfATurn === 0) await setImmediate()
    const entry = parsed(line)
    if (entry !== undefined) yield entry
  }
}

function parsed(line: string): AuditEntry | undefined {
  try {
    return parseAuditLine(line)
  } catch {
    return undefined
  }
}

function missing(error: unknown, file: string): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
  throw toMeshError(error, 'permission_denied', `read ${file}`)
}

/** @throws MeshError invalid_argument for a line that is none */
export async function* auditEntries(folder: string): AsyncGenerator<AuditEntry> {
  for await (const line of auditLines(folder)) yield read(line)
}

function read({ file, number, text }: AuditLine): AuditEntry {
  try {
    return parseAuditLine(text)
  } catch (cause) {
    const { code, message } = toMeshError(cause, 'invalid_argument', 'read audit entry')
    throw new MeshError(code, `${message} (${file}, line ${number})`, { cause })
  }
}

export interface VerifiedAudit {
  /** Numbers of the entries that are there. */
  first: number | undefined
  head: AuditHead
  broken: AuditBreak | undefined
}

/** Checks the chain over all files: from the first entry, or from the one that the last rotation kept. */
export async function verifyAuditFiles(folder: string, known?: AuditHead): Promise<VerifiedAudit> {
  const verifier = new AuditVerifier({ from: 'any', ...(known === undefined ? {} : { known }) })
  let first: number | undefined
  let kept = 1
  const result = (broken: AuditBreak | undefined): VerifiedAudit => ({ first, head: verifier.head, broken })
  for await (const line of auditLines(folder)) {
    let entry: AuditEntry
    try {
      entry = read(line)
    } catch (error) {
      const seq = verifier.head.seq + 1
      return result({ seq, why: 'altered', reason: error instanceof Error ? error.message : String(error) })
    }
    const broken = verifier.add(entry)
    if (broken !== undefined) return result(broken)
    first ??= entry.seq
    if (entry.what === 'log.rotated') kept = Number(entry.detail?.['kept'])
  }
  if (first !== undefined && first > kept)
    return result({ seq: kept, why: 'gap', reason: `${kept} to ${first - 1} are missing` })
  return result(verifier.end())
}
