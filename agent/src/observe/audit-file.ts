/** The file behind an audit log: continues the chain it finds, appends, rotates. */
import { constants } from 'node:fs'
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import {
  auditRoot,
  formatAuditLine,
  nextAuditEntry,
  parseAuditLine,
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
} from '@agent-mesh/protocol'
import { auditFile, rotatedAuditFile, rotatedAuditFiles } from './audit-files.ts'
import type { AuditOptions } from './defaults.ts'

export interface AuditFileInit {
  folder: string
  options: Pick<AuditOptions, 'fileBytes' | 'keptFiles'>
}

const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND

export class AuditFile {
  readonly #folder: string
  readonly #options: AuditFileInit['options']
  #handle: FileHandle | undefined
  #head: AuditHead = auditRoot
  /** Bytes that are known to be good; what a failed write left behind them is cut off. */
  #size = 0

  constructor({ folder, options }: AuditFileInit) {
    this.#folder = folder
    this.#options = options
  }

  /** Idempotent. @returns bytes of a damaged end that were cut off */
  async open(): Promise<number> {
    if (this.#handle !== undefined) return 0
    const handle = await open(auditFile(this.#folder), flags, 0o600)
    try {
      await handle.chmod(0o600)
      const content = await handle.readFile()
      const { entry, end } = lastGood(content)
      if (end < content.length) await handle.truncate(end)
      this.#head = entry ?? (await this.#rotatedHead())
      this.#size = end
      this.#handle = handle
      return content.length - end
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /**
   * Appends all events, forced to the disk, or none.
   * @returns why some do not fit an entry: they are left out
   */
  async append(events: readonly AuditEvent[]): Promise<unknown[]> {
    if (this.#size >= this.#options.fileBytes) await this.#rotate(events[0]?.at ?? 0)
    return this.#append(events)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  async #append(events: readonly AuditEvent[]): Promise<unknown[]> {
    const handle = this.#handle
    if (handle === undefined) throw new Error('the audit file is closed')
    const { text, head, misfits } = chained(this.#head, events)
    const bytes = Buffer.from(text)
    try {
      await handle.writeFile(bytes)
      await handle.datasync()
    } catch (error) {
      // Opened anew, it finds its end; a part of a line that cannot be cut off now is cut off then.
      await handle.truncate(this.#size).catch(() => undefined)
      await this.close().catch(() => undefined)
      throw error
    }
    this.#head = head
    this.#size += bytes.length
    return misfits
  }

  /** The chain continues in a new file, whose first entry says what is kept; only then the oldest files are removed. */
  async #rotate(at: number): Promise<void> {
    await this.close()
    await rename(auditFile(this.#folder), rotatedAuditFile(this.#folder, this.#head.seq))
    await this.open()
    const files = await rotatedAuditFiles(this.#folder)
    const gone = files.splice(0, Math.max(0, files.length - this.#options.keptFiles))
    const kept = await firstSeq(files[0])
    await this.#append([{ at, who: 'self', what: 'log.rotated', detail: { kept } }])
    for (const file of gone) await rm(file, { force: true })
  }

  async #rotatedHead(): Promise<AuditHead> {
    const newest = (await rotatedAuditFiles(this.#folder)).at(-1)
    return newest === undefined ? auditRoot : (lastGood(await readFile(newest)).entry ?? auditRoot)
  }
}

function chained(from: AuditHead, events: readonly AuditEvent[]) {
  let head = from
  let text = ''
  const misfits: unknown[] = []
  for (const event of events)
    try {
      const entry = nextAuditEntry(head, event)
      text += `${formatAuditLine(entry)}\n`
      head = entry
    } catch (error) {
      misfits.push(error)
    }
  return { text, head: { seq: head.seq, hash: head.hash }, misfits }
}

/** The last line that is whole and an entry, and where it ends. */
function lastGood(content: Buffer): { entry?: AuditEntry; end: number } {
  for (let end = content.lastIndexOf('\n') + 1; end > 0;) {
    // A negative place would count from the end.
    const start = end < 2 ? 0 : content.lastIndexOf('\n', end - 2) + 1
    try {
      return { entry: parseAuditLine(content.toString('utf8', start, end - 1)), end }
    } catch {
      end = start
    }
  }
  return { end: 0 }
}

async function firstSeq(file: string | undefined): Promise<number> {
  if (file === undefined) return 1
  const text = await readFile(file, 'utf8')
  return parseAuditLine(text.slice(0, text.indexOf('\n'))).seq
}
