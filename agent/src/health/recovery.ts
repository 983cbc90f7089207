/** What this process did to recover without help: the last acts, each also logged and counted. */
import type { Logger } from '../observe/logger.ts'
import type { MemberMetrics } from '../observe/member-metrics.ts'
import { healthDefaults } from './defaults.ts'

/** Which part acted: a closed set, as it is a label of a metric. */
export const supervisors = [
  'clock',
  'credential',
  'loop',
  'map',
  'memory',
  'path',
  'provider',
  'relay',
  'store',
] as const
export type Supervisor = (typeof supervisors)[number]

/** The same act in a row is one, with a count. */
export interface Act {
  /** Unix ms of the last time. */
  readonly at: number
  readonly supervisor: Supervisor
  /** What was done, and why. */
  readonly act: string
  /** How often in a row. */
  readonly times: number
}

export interface RecoveryInit {
  readonly log: Logger
  readonly metrics: Pick<MemberMetrics, 'counter'>
  /** Unix ms. */
  readonly now: () => number
}

export class Recovery {
  readonly #log: Logger
  readonly #now: () => number
  readonly #counts = new Map<Supervisor, number>()
  #acts: Act[] = []

  constructor({ log, metrics, now }: RecoveryInit) {
    this.#log = log
    this.#now = now
    metrics.counter(
      'agent_mesh_recoveries_total',
      'What this process did to recover without help, by the part that acted',
      'supervisor',
      () => this.#counts,
    )
  }

  /** @param act what was done, and why: text without names of strangers, in the past tense */
  acted(supervisor: Supervisor, act: string): void {
    this.#counts.set(supervisor, (this.#counts.get(supervisor) ?? 0) + 1)
    const same = this.#acts.find(known => known.supervisor === supervisor && known.act === act)
    this.#log.info({ supervisor }, act)
    this.#acts = this.#acts.filter(known => known !== same)
    this.#acts.push({ at: this.#now(), supervisor, act, times: (same?.times ?? 0) + 1 })
    if (this.#acts.length > healthDefaults.acts) this.#acts.shift()
  }

  /** The oldest first. */
  acts(): readonly Act[] {
    return this.#acts
  }
}
