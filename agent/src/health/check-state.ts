/**
 * The state of one check, from its results: worse only after some bad results in a row, better only after some good ones. The first
 * result decides at once. A check that changes too often is damped: its bad state stays until it has been calm. Pure over
 * monotonic milliseconds.
 */
import { healthDefaults } from './defaults.ts'

/** `warning`: works, but needs attention. `failing`: the member is not ready. */
export type CheckLevel = 'passing' | 'warning' | 'failing'

export interface CheckResult {
  readonly level: CheckLevel
  /** Why; for every level but passing. */
  readonly reason?: string | undefined
  /** It was asked for, as by `stop()`: its line in the log is no warning. */
  readonly expected?: true
}

export interface CheckThresholds {
  /** Worse results in a row that count, 1 or more. */
  readonly failAfter: number
  /** Better results in a row that count, 1 or more. */
  readonly passAfter: number
}

const rank: Record<CheckLevel, number> = { passing: 0, warning: 1, failing: 2 }

/** The worse of two levels. */
export const worse = (a: CheckLevel, b: CheckLevel): CheckLevel => (rank[a] >= rank[b] ? a : b)

export class CheckState {
  readonly #thresholds: CheckThresholds
  #level: CheckLevel | undefined
  #reason: string | undefined
  #since = 0
  /** Results in a row that are worse (positive) or better (negative) than the level. */
  #row = 0
  /** Monotonic ms of the changes within the window. */
  #changes: number[] = []

  constructor(thresholds: CheckThresholds) {
    this.#thresholds = thresholds
  }

  /** Undefined before the first result. */
  get level(): CheckLevel | undefined {
    return this.#level
  }

  /** Of the last result that was at this level. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Monotonic ms since which it has this level. */
  get since(): number {
    return this.#since
  }

  /** Whether it changed too often of late. */
  damped(now: number): boolean {
    this.#changes = this.#changes.filter(at => now - at < healthDefaults.dampWindowMs)
    return this.#changes.length > healthDefaults.dampAfter
  }

  /** @returns whether the level changed */
  note({ level, reason }: CheckResult, now: number): boolean {
    if (this.#level === undefined) return this.#set(level, reason, now)
    if (level === this.#level) {
      this.#row = 0
      this.#reason = reason
      return false
    }
    const isWorse = rank[level] > rank[this.#level]
    this.#row = isWorse ? Math.max(0, this.#row) + 1 : Math.min(0, this.#row) - 1
    const { failAfter, passAfter } = this.#thresholds
    const enough = isWorse ? this.#row >= failAfter : -this.#row >= passAfter
    if (!enough || (!isWorse && this.damped(now))) return false
    this.#changes.push(now)
    return this.#set(level, reason, now)
  }

  #set(level: CheckLevel, reason: string | undefined, now: number): true {
    this.#level = level
    this.#reason = reason
    this.#since = now
    this.#row = 0
    return true
  }
}
