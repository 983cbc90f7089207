/**
 * The checks of a process: built-in ones, which are read whenever they are asked for, and those of the program, which run by
 * themselves. All share one timer.
 */
import { MeshError } from '@agent-mesh/protocol'
import { Listeners } from '../core/listeners.ts'
import type { Logger } from '../observe/logger.ts'
import type { HealthBeat } from './beat.ts'
import { parseCheck, type CheckFunction, type CheckOptions, type CheckSettings } from './check-options.ts'
import { CheckState, type CheckLevel, type CheckResult } from './check-state.ts'
import { healthDefaults } from './defaults.ts'
import { runCheck } from './run-check.ts'

/** A check as `status` shows it. */
export interface CheckReport {
  readonly name: string
  /** `unknown`: it did not run yet. */
  readonly level: CheckLevel | 'unknown'
  /** Why; for every level but passing. */
  readonly reason?: string
  /** It has this level since then, ms ago. */
  readonly forMs: number
  /** It changed too often of late: its bad state stays until it is calm. */
  readonly damped: boolean
}

/** Reads what is known at once. Must be cheap: it is read at each look, and for each `status`. */
export type InstantCheck = () => CheckResult

interface Entry {
  readonly name: string
  readonly state: CheckState
  /** Of built-in checks. */
  readonly instant?: InstantCheck
  /** Of checks of the program. */
  readonly run?: { fn: CheckFunction; settings: CheckSettings }
  /** Monotonic ms; checks of the program only. */
  dueAt: number
  running: Promise<void> | undefined
}

export interface HealthChecksInit {
  readonly beat: HealthBeat
  readonly log: Logger
  /** [0, 1). @default Math.random */
  readonly random?: () => number
}

export class HealthChecks {
  readonly #beat: HealthBeat
  readonly #log: Logger
  readonly #random: () => number
  readonly #entries = new Map<string, Entry>()
  readonly #changed: Listeners<CheckReport>
  readonly #stopping = new AbortController()
  #unlisten: (() => void) | undefined

  constructor({ beat, log, random = Math.random }: HealthChecksInit) {
    this.#beat = beat
    this.#log = log
    this.#random = random
    this.#changed = new Listeners(err =>
      log.error({ event: 'listener-failed', err }, 'a listener of checks failed'),
    )
  }

  /** Adds a built-in check. */
  builtIn(name: string, instant: InstantCheck): void {
    const state = new CheckState({ failAfter: 1, passAfter: 1 })
    this.#entries.set(name, { name, state, instant, dueAt: 0, running: undefined })
  }

  /**
   * Adds a check of the program; it runs soon for the first time. @returns how to remove it
   * @throws MeshError invalid_argument; conflict when there is a check of this name
   */
  check(name: string, fn: CheckFunction, options?: CheckOptions): () => void {
    const settings = parseCheck(name, fn, options)
    if (this.#entries.has(name))
      throw new MeshError('conflict', `Cannot add check ${name}: there is one of this name`, {
        hint: 'Remove the other one first, or take another name.',
      })
    if (this.#entries.size >= healthDefaults.checks)
      throw new MeshError('overloaded', `Cannot add check ${name}: there are ${healthDefaults.checks}`)
    const run = { fn, settings }
    const entry: Entry = { name, state: new CheckState(settings), run, dueAt: 0, running: undefined }
    this.#entries.set(name, entry)
    this.#beat.hasten()
    if (this.#unlisten !== undefined) this.#run(entry, run, this.#beat.now())
    return () => {
      if (this.#entries.get(name) === entry) this.#entries.delete(name)
    }
  }

  /** Calls `listener` with each check that changes its level. @returns how to stop listening */
  onChange(listener: (report: CheckReport) => void): () => void {
    return this.#changed.add(listener)
  }

  /** All checks, as they are now. */
  reports(): CheckReport[] {
    const now = this.#beat.now()
    this.#readInstant(now)
    return [...this.#entries.values()].map(entry => reportOf(entry, now))
  }

  /** The checks that did not pass when they last ran, failing ones first; costs no look. */
  troubles(): [name: string, level: 'warning' | 'failing'][] {
    const all = [...this.#entries.values()].map(({ name, state }) => [name, state.level] as const)
    const at = (wanted: 'warning' | 'failing') =>
      all.flatMap(([name, level]): [string, typeof wanted][] => (level === wanted ? [[name, wanted]] : []))
    return [...at('failing'), ...at('warning')]
  }

  /** Whether no check fails, and each ran at least once. */
  get ready(): boolean {
    return this.reports().every(({ level }) => level !== 'failing' && level !== 'unknown')
  }

  start(): void {
    this.#unlisten ??= this.#beat.onBeat(({ now }) => this.#look(now))
    this.#look(this.#beat.now())
  }

  /** Runs that have not ended are given up. */
  async stop(): Promise<void> {
    this.#unlisten?.()
    this.#stopping.abort()
    await Promise.all([...this.#entries.values()].map(({ running }) => running))
  }

  #look(now: number): void {
    this.#readInstant(now)
    for (const entry of this.#entries.values())
      if (entry.run !== undefined && entry.running === undefined && entry.dueAt <= now)
        this.#run(entry, entry.run, now)
  }

  #readInstant(now: number): void {
    for (const entry of this.#entries.values())
      if (entry.instant !== undefined) this.#note(entry, entry.instant(), now)
  }

  #run(entry: Entry, { fn, settings }: NonNullable<Entry['run']>, now: number): void {
    // A tenth of the pause is random: checks of one pace do not run at the same moment in the whole fleet.
    entry.dueAt = now + settings.everyMs * (0.95 + this.#random() / 10)
    entry.running = runCheck(fn, settings.timeoutMs, this.#stopping.signal).then(result => {
      entry.running = undefined
      if (result !== undefined) this.#note(entry, result, this.#beat.now())
    })
  }

  #note(entry: Entry, result: CheckResult, now: number): void {
    const before = entry.state.level
    if (!entry.state.note(result, now)) return
    if (before === undefined && result.level === 'passing') return
    const report = reportOf(entry, now)
    const { name: check, level, reason, damped } = report
    // `level` is a field of every line.
    const line = { check, result: level, reason, damped }
    if (level === 'failing' && result.expected !== true)
      this.#log.warn({ event: 'check-failing', ...line }, 'a check fails')
    else this.#log.info({ event: 'check-changed', ...line }, 'a check changed')
    this.#changed.emit(report)
  }
}

function reportOf({ name, state }: Entry, now: number): CheckReport {
  const { level, reason, since } = state
  if (level === undefined)
    return { name, level: 'unknown', reason: 'it has not run yet', forMs: 0, damped: false }
  const known = { name, level, forMs: Math.max(0, now - since), damped: state.damped(now) }
  return reason === undefined ? known : { ...known, reason }
}
