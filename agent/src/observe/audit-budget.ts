/** How many entries of its own each member may still cause: a token bucket for each, so that a loop does not rotate the rest out. */
import { TokenBucket } from '../core/token-bucket.ts'
import type { AuditOptions } from './defaults.ts'

export class AuditBudget {
  readonly #options: Pick<AuditOptions, 'ownEntries' | 'ownEntriesPerHour' | 'ownMembers'>
  /** The one that was charged longest ago is the first. */
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(options: Pick<AuditOptions, 'ownEntries' | 'ownEntriesPerHour' | 'ownMembers'>) {
    this.#options = options
  }

  /** Charges one entry. @param now milliseconds, monotonic @returns whether it fits; what does not is not charged */
  take(who: string, now: number): boolean {
    const { ownEntries, ownEntriesPerHour, ownMembers } = this.#options
    const bucket = this.#buckets.get(who) ?? new TokenBucket(ownEntriesPerHour / 3_600, ownEntries - 1, now)
    if (bucket.wait(now) > 0) return false
    this.#buckets.delete(who)
    this.#buckets.set(who, bucket)
    bucket.take(1, now)
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > ownMembers && oldest !== undefined) this.#buckets.delete(oldest)
    return true
  }
}
