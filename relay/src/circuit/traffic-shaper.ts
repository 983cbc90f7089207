/**
 * What members may send through this relay. Rates are kept by back-pressure: a member over its rate is not read from until
 * it is within it again, and nothing is lost. When the relay as a whole is at its rate, members take turns, each with
 * one circuit at a time, so that one with many circuits gets no more than one with few. The budget of a day is hard.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { DayBudget } from './day-budget.ts'
import { TokenBucket } from '@agent-mesh/agent/core/token-bucket'
import type { TrafficLimits } from './defaults.ts'

export const spentReasons = ['member_bytes_spent', 'relay_bytes_spent'] as const
export type SpentReason = (typeof spentReasons)[number]

export interface TrafficShaperInit {
  limits: TrafficLimits
  /** Milliseconds, monotonic. @default performance.now */
  now?: () => number
}

interface Account {
  rate: TokenBucket
  day: DayBudget
}

/** Accounts looked through for those of past days, when there are this many. */
const sweepAccounts = 4_096

export class TrafficShaper {
  readonly #limits: TrafficLimits
  readonly #now: () => number
  readonly #total: Account
  readonly #accounts = new Map<string, Account>()
  /** Senders that wait to be read from again, by member, in the order of their turns. */
  readonly #waiting = new Map<string, Set<() => void>>()
  #timer: NodeJS.Timeout | undefined
  #sweepAt = sweepAccounts
  #throttled = 0

  constructor({ limits, now = () => performance.now() }: TrafficShaperInit) {
    this.#limits = limits
    this.#now = now
    this.#total = this.#open(limits.totalBytesPerSecond, limits.totalBurstBytes, limits.totalBytesPerDay)
  }

  /** How often a sender had to wait so far. */
  get throttled(): number {
    return this.#throttled
  }

  /** Circuits that wait now. */
  get waiting(): number {
    return [...this.#waiting.values()].reduce((count, { size }) => count + size, 0)
  }

  #open(perSecond: number, burst: number, perDay: number): Account {
    return { rate: new TokenBucket(perSecond, burst, this.#now()), day: new DayBudget(perDay) }
  }

  #account(member: string): Account {
    const known = this.#accounts.get(member)
    if (known !== undefined) return known
    if (this.#accounts.size >= this.#sweepAt) this.#sweep()
    const { memberBytesPerSecond, memberBurstBytes, memberBytesPerDay } = this.#limits
    const account = this.#open(memberBytesPerSecond, memberBurstBytes, memberBytesPerDay)
    this.#accounts.set(member, account)
    return account
  }

  /** Members join and leave; an account that has spent nothing today equals a new one. */
  #sweep(): void {
    const now = this.#now()
    for (const [member, { day }] of this.#accounts) if (day.over(now)) this.#accounts.delete(member)
    this.#sweepAt = Math.max(sweepAccounts, 2 * this.#accounts.size)
  }

  /** Takes note of bytes that came from a member. @returns whether it may be read from right away */
  charge(member: string, bytes: number): boolean {
    const now = this.#now()
    for (const { rate, day } of [this.#account(member), this.#total]) {
      rate.take(bytes, now)
      day.spend(bytes, now)
    }
    return this.#wait(member, now) === 0
  }

  /** Why a member may send nothing more today. */
  spent(member: string): SpentReason | undefined {
    const now = this.#now()
    if (this.#total.day.exhausted(now)) return 'relay_bytes_spent'
    return this.#accounts.get(member)?.day.exhausted(now) === true ? 'member_bytes_spent' : undefined
  }

  /** Calls back when it is this one's turn to be read from. @returns cancels the wait */
  await(member: string, turn: () => void): () => void {
    this.#throttled++
    const line = this.#waiting.get(member) ?? new Set()
    line.add(turn)
    this.#waiting.set(member, line)
    this.#schedule()
    return () => this.#leave(member, line, turn)
  }

  #leave(member: string, line: Set<() => void>, turn: () => void): void {
    line.delete(turn)
    if (line.size === 0 && this.#waiting.get(member) === line) this.#waiting.delete(member)
    if (this.#waiting.size === 0) this.stop()
  }

  #wait(member: string, now: number): number {
    return Math.max(this.#account(member).rate.wait(now), this.#total.rate.wait(now))
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0) return
    const now = this.#now()
    const soonest = Math.min(...[...this.#waiting.keys()].map(member => this.#wait(member, now)))
    this.#timer = setTimeout(() => this.#turns(), timerDelay(Math.ceil(soonest)))
  }

  /** One turn for each member that is within its rate, in order, while the relay is within its own. */
  #turns(): void {
    this.#timer = undefined
    for (const member of [...this.#waiting.keys()]) {
      const now = this.#now()
      if (this.#total.rate.wait(now) > 0) break
      const line = this.#waiting.get(member)
      const [turn] = line ?? []
      if (line === undefined || turn === undefined || this.#wait(member, now) > 0) continue
      line.delete(turn)
      // To the end of the order.
      this.#waiting.delete(member)
      if (line.size > 0) this.#waiting.set(member, line)
      turn()
    }
    this.#schedule()
  }

  /** Stops its timer; waiting senders are not called any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
