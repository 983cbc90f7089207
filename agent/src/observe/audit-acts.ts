/** What members do on this machine, on its way into the audit log: each act within the budget of its member, more as a count. */
import type { AuditEntry, AuditEvent } from '@agent-mesh/protocol'
import { AuditBudget } from './audit-budget.ts'
import type { AuditNote } from './audit-floods.ts'
import type { Clock } from './clock.ts'
import type { AuditOptions } from './defaults.ts'
import type { Logger } from './logger.ts'

export interface AuditActsInit {
  folder: string
  clock: Clock
  log: Logger
  options: AuditOptions
  write: (event: AuditEvent) => void
  count: (key: string, note: AuditNote) => void
}

interface Act {
  readonly key: string
  readonly note: AuditNote
  readonly at: number
  /** Written, and not charged yet. */
  readonly isWritten: boolean
}

export class AuditActs {
  readonly #init: AuditActsInit
  readonly #budget: AuditBudget
  /** Acts before the log was read, which are charged then; undefined: it was. */
  #held: Act[] | undefined = []
  /** When those of them were that are written already, by member. */
  readonly #early = new Map<string, number[]>()
  #restoring: Promise<void> | undefined

  constructor(init: AuditActsInit) {
    this.#init = init
    this.#budget = new AuditBudget(init.options)
  }

  /** Never throws, never waits. @param key of what is counted as the same */
  record(key: string, note: AuditNote): void {
    const act = { key, note, at: this.#init.clock.now() }
    const held = this.#held
    if (held === undefined) return this.#charge(act)
    this.#restoring ??= this.#restore(held)
    if (held.length >= this.#init.options.waiting) return this.#init.count(key, note)
    const isWritten = this.#isEarly(act)
    held.push({ ...act, isWritten })
    if (isWritten) this.#init.write({ ...note, at: act.at })
  }

  /** The first acts of a member do not wait, as one of them may end this process: as many as an hour gives it. */
  #isEarly({ note: { who }, at }: Pick<Act, 'note' | 'at'>): boolean {
    const { ownEntries, ownEntriesPerHour } = this.#init.options
    const times = this.#early.get(who) ?? []
    if (times.length + 1 > Math.min(ownEntries, ownEntriesPerHour)) return false
    this.#early.set(who, [...times, at])
    return true
  }

  /** Resolves when no act waits. */
  async stop(): Promise<void> {
    await this.#restoring
  }

  /** Most machines let no member do anything: the log is read at the first act, not at each start. */
  async #restore(held: readonly Act[]): Promise<void> {
    const { folder, clock, log } = this.#init
    const isCharged = ({ who, at }: AuditEntry): boolean => this.#early.get(who)?.includes(at) === true
    await this.#budget
      .restore(folder, clock, isCharged)
      .catch((err: unknown) =>
        log.warn(
          { event: 'audit-not-read', err },
          'the audit log was not read: its members have new budgets',
        ),
      )
    this.#held = undefined
    this.#early.clear()
    for (const act of held)
      if (act.isWritten) this.#take(act)
      else this.#charge(act)
  }

  #charge(act: Omit<Act, 'isWritten'>): void {
    if (this.#take(act)) this.#init.write({ ...act.note, at: act.at })
    else this.#init.count(act.key, act.note)
  }

  #take({ note }: Pick<Act, 'note'>): boolean {
    return this.#budget.take(note.who, this.#init.clock.monotonic())
  }
}
