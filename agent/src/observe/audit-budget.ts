/**
 * How many entries of its own each member may still cause: a token bucket for each, so that a loop does not rotate the rest out. What
 * the log itself shows is charged first, so that a restart renews no budget.
 */
import type { AuditEntry, AuditKind } from '@agent-mesh/protocol'
import { TokenBucket } from '../core/token-bucket.ts'
import { auditFile, newestAuditFiles, newestFirst } from './audit-files.ts'
import type { Clock } from './clock.ts'
import type { AuditOptions } from './defaults.ts'

type BudgetOptions = Pick<AuditOptions, 'ownEntries' | 'ownEntriesPerHour' | 'ownMembers'>

/** What has a budget. */
const budgeted: readonly string[] = ['files', 'exec'] satisfies AuditKind[]
/** Of entries that were counted, and had none. */
const countedBy = ['count', 'all', 'refused']

export class AuditBudget {
  readonly #options: BudgetOptions
  /** The one that was charged longest ago is the first. */
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(options: BudgetOptions) {
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

  /**
   * Charges what the log in this folder shows, as far back as an empty bucket takes to be full again.
   * @param isCharged entries that the caller charges itself, because it wrote them meanwhile
   * @throws MeshError for a log that cannot be read: then nothing is charged
   */
  async restore(folder: string, clock: Clock, isCharged: (entry: AuditEntry) => boolean): Promise<void> {
    const { ownEntries, ownEntriesPerHour } = this.#options
    const now = clock.now()
    const toMonotonic = clock.monotonic() - now
    const since = now - (ownEntries / ownEntriesPerHour) * 3_600_000
    const acts: { who: string; at: number }[] = []
    for (const file of await newestAuditFiles(folder)) {
      let isRecent = file === auditFile(folder)
      for await (const entry of newestFirst(file)) {
        // A machine without a battery for its clock starts in the past: such an entry ends nothing, a full file of old ones does.
        if (entry.at < since) continue
        isRecent = true
        if (isBudgeted(entry) && !isCharged(entry)) acts.push({ who: entry.who, at: entry.at })
      }
      if (!isRecent) break
    }
    let before = -Infinity
    for (const { who, at } of acts.reverse()) {
      // The clock of the machine may have been set meanwhile.
      before = Math.max(before, Math.min(at, now))
      this.take(who, before + toMonotonic)
    }
  }
}

const isBudgeted = ({ what, detail }: AuditEntry): boolean =>
  budgeted.includes(what) && !countedBy.some(key => detail !== undefined && key in detail)
