/**
 * The audit log of a process: `audit.jsonl` in its data folder, a chain of entries that only grows, 0600. Each batch is
 * forced to the disk before the next is written; what comes meanwhile is the next batch. A disk that is full or unavailable
 * stops no call: entries wait, bounded, and are tried again.
 */
import type { AuditEvent } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { isDiskFull } from '../identity/private-file.ts'
import { AuditActs } from './audit-acts.ts'
import { AuditFile, type AuditFileInit } from './audit-file.ts'
import { AuditFloods, type AuditNote } from './audit-floods.ts'
import type { Clock } from './clock.ts'
import { auditDefaults, type AuditOptions } from './defaults.ts'
import type { Logger } from './logger.ts'

export interface AuditLogInit extends Omit<AuditFileInit, 'options'> {
  clock: Clock
  log: Logger
  options?: Partial<AuditOptions>
}

export class AuditLog {
  readonly #file: AuditFile
  readonly #clock: Clock
  readonly #log: Logger
  readonly #options: AuditOptions
  readonly #floods: AuditFloods
  readonly #acts: AuditActs
  #floodTimer: NodeJS.Timeout | undefined
  #waiting: AuditEvent[] = []
  #lost = 0
  #writing: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #warning: string | undefined
  #stopped = false

  constructor({ folder, clock, log, options }: AuditLogInit) {
    this.#clock = clock
    this.#log = log
    this.#options = { ...auditDefaults, ...options }
    this.#floods = new AuditFloods(this.#options)
    this.#acts = new AuditActs({
      folder,
      clock,
      log,
      options: this.#options,
      write: event => this.#push(event),
      count: (key, note) => this.recordFlood(key, note),
    })
    this.#file = new AuditFile({ folder, options: this.#options })
  }

  /** Its fault now, if any, for `status`. */
  get warning(): string | undefined {
    return this.#warning
  }

  /** Records an event. Never throws, never waits. */
  record(note: AuditNote): void {
    if (!this.#stopped) this.#push({ ...note, at: this.#clock.now() })
  }

  /**
   * Records an event that others can cause as often as they like: the first at once; how often it came
   * again, as one entry with a count. More different ones than fit are counted as one.
   */
  recordFlood(key: string, note: AuditNote): void {
    if (this.#stopped) return
    this.#floodTimer ??= setTimeout(() => this.#endFloods(), timerDelay(this.#options.floodMs)).unref()
    const begun = this.#floods.add(key, note)
    if (begun !== undefined) this.record(begun)
  }

  /** Records what a member did: each act within its budget, more as {@link recordFlood}. */
  recordAct(key: string, note: AuditNote): void {
    if (!this.#stopped) this.#acts.record(key, note)
  }

  /** Writes what waits, as far as the disk takes it. Idempotent. */
  async stop(): Promise<void> {
    await this.#acts.stop()
    this.#endFloods()
    this.#stopped = true
    clearTimeout(this.#retry)
    await this.#writing
    if (this.#waiting.length > 0) await this.#drain()
    clearTimeout(this.#retry)
    await this.#file.close()
  }

  #push(event: AuditEvent): void {
    this.#waiting.push(event)
    this.#bound()
    this.#write()
  }

  #endFloods(): void {
    clearTimeout(this.#floodTimer)
    this.#floodTimer = undefined
    for (const note of this.#floods.end()) this.record(note)
  }

  #bound(): void {
    const over = this.#waiting.length - this.#options.waiting
    if (over <= 0) return
    for (let n = 0; n < over; n++) this.#waiting.splice(oldestOfBusiest(this.#waiting), 1)
    this.#lost += over
  }

  #write(): void {
    if (this.#retry !== undefined) return
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined
      // What came just after the last batch; stop() itself tries once more, and a disk that is unavailable ends it.
      if (this.#waiting.length > 0 && !this.#stopped) this.#write()
    })
  }

  async #drain(): Promise<void> {
    try {
      const torn = await this.#file.open()
      if (torn > 0) {
        this.#log.warn(
          { event: 'audit-end-cut', bytes: torn },
          'the end of the audit log was damaged and is cut off',
        )
        this.#waiting.unshift(this.#own('log.torn', { bytes: torn }))
      }
      while (this.#waiting.length > 0) await this.#writeBatch()
      if (this.#warning !== undefined)
        this.#log.info({ event: 'audit-written-again' }, 'the audit log is written again')
      this.#warning = undefined
    } catch (err) {
      this.#failed(err)
    }
  }

  async #writeBatch(): Promise<void> {
    const lost = this.#lost
    const batch = this.#waiting.splice(0, this.#options.batch)
    const events = lost > 0 ? [this.#own('log.lost', { count: lost }), ...batch] : batch
    try {
      for (const err of await this.#file.append(events))
        this.#log.warn({ event: 'audit-entry-left-out', err }, 'an audit entry was left out: it does not fit')
      this.#lost -= lost
    } catch (error) {
      this.#waiting.unshift(...batch)
      this.#bound()
      throw error
    }
  }

  #own(what: 'log.torn' | 'log.lost', detail: Record<string, unknown>): AuditEvent {
    return { at: this.#clock.now(), who: 'self', what, detail }
  }

  #failed(err: unknown): void {
    if (this.#warning === undefined)
      this.#log.warn({ event: 'audit-not-written', err }, 'the audit log cannot be written; entries wait')
    const text = err instanceof Error ? err.message : String(err)
    const reason = isDiskFull(err) ? `disk full: ${text}` : text
    this.#warning = `the audit log cannot be written (${reason}): entries wait, the oldest are dropped`
    if (this.#stopped) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#write()
    }, timerDelay(this.#options.retryMs)).unref()
  }
}

/** Where the oldest entry is of the actor that has most: what one does in a loop drops no entry of another. */
function oldestOfBusiest(events: readonly AuditEvent[]): number {
  const counts = new Map<string, number>()
  for (const { who } of events) counts.set(who, (counts.get(who) ?? 0) + 1)
  const most = Math.max(...counts.values())
  return events.findIndex(({ who }) => counts.get(who) === most)
}
