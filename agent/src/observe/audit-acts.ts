/** What members do on this machine, on its way into the audit log: each act within the budget of its member, more as a count. */
import type { AuditEvent } from '@agent-mesh/protocol'
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
}

export class AuditActs {
  readonly #init: AuditActsInit
  readonly #budget: AuditBudget
  /** Acts wait until the log was read; undefined: it was. */
  #held: Act[] | undefined = []
  #restoring: Promise<void> | undefined

  constructor(init: AuditActsInit) {
    this.#init = init
    this.#budget = new AuditBudget(init.options)
  }

  /** Never throws, never waits. @param key of what is counted as the same */
  record(key: string, note: AuditNote): void {
    const act = { key, note, at: this.#init.clock.now() }
    if (this.#held === undefined) return this.#charge(act)
    this.#restoring ??= this.#restore()
    if (this.#held.length < this.#init.options.waiting) this.#held.push(act)
    else this.#init.count(key, note)
  }

  /** Resolves when no act waits. */
  async stop(): Promise<void> {
    await this.#restoring
  }

  /** Most machines let no member do anything: the log is read at the first act, not at each start. */
  async #restore(): Promise<void> {
    const { folder, clock, log } = this.#init
    await this.#budget
      .restore(folder, clock)
      .catch((err: unknown) =>
        log.warn(
          { event: 'audit-not-read', err },
          'the audit log was not read: its members have new budgets',
        ),
      )
    const held = this.#held ?? []
    this.#held = undefined
    for (const act of held) this.#charge(act)
  }

  #charge({ key, note, at }: Act): void {
    if (this.#budget.take(note.who, this.#init.clock.monotonic())) this.#init.write({ ...note, at })
    else this.#init.count(key, note)
  }
}
