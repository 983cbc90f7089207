/**
 * How often one source may knock. Counted in this process alone: a count in the store would make us pay for a write for each
 * guess of a stranger, which is what the limit is to prevent. Several processes let through as many times more.
 */
import { MeshError, sourceOf } from '@agent-mesh/protocol'
import { sourceLimit } from '../defaults.ts'

/** What a request costs its source: strangers' guesses far more than joins that succeed. */
export type Knock = keyof typeof sourceLimit.costs

interface Bucket {
  left: number
  at: number
}

export class SourceLimit {
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()
  readonly #members = new Set<string>()
  readonly #memberAddresses = new Set<string>()

  /** @param now unix milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** @throws MeshError rate_limited with details `{ retryAfterMs }` when this source has knocked too often */
  check(address: string): void {
    const { left } = this.#bucket(sourceOf(address))
    if (left >= 1) return
    const retryAfterMs = Math.ceil(((1 - left) / sourceLimit.perSecond) * 1_000)
    throw new MeshError('rate_limited', 'Cannot accept request: too many from this address', {
      details: { retryAfterMs },
      hint: `Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    })
  }

  /** Counts a request. */
  charge(address: string, knock: Knock): void {
    const source = sourceOf(address)
    const bucket = this.#bucket(source)
    bucket.left = Math.max(-sourceLimit.most, bucket.left - sourceLimit.costs[knock])
    this.#buckets.delete(source)
    this.#buckets.set(source, bucket)
    // The one that was quiet the longest is forgotten.
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > sourceLimit.sources && oldest !== undefined) this.#buckets.delete(oldest)
  }

  /** A request of this member was accepted: it is served from now on, however many guesses come from its address. */
  accepted(peerId: string, address: string): void {
    remember(this.#members, peerId, sourceLimit.members)
    this.memberAt(address)
  }

  /** A member comes from this address: it may hold more connections than one that none came from. */
  memberAt(address: string): void {
    remember(this.#memberAddresses, sourceOf(address), sourceLimit.memberAddresses)
  }

  /** Whether a member came from this address. */
  hasMember(address: string): boolean {
    return this.#memberAddresses.has(sourceOf(address))
  }

  /** Whether a request by this key was accepted before. Who only says so pays nobody's writes: its signature is checked first. */
  wasAccepted(peerId: string): boolean {
    return this.#members.has(peerId)
  }

  #bucket(source: string): Bucket {
    const now = this.#now()
    const known = this.#buckets.get(source) ?? { left: sourceLimit.most, at: now }
    const passed = Math.max(0, now - known.at) / 1_000
    return Object.assign(known, {
      left: Math.min(sourceLimit.most, known.left + passed * sourceLimit.perSecond),
      at: now,
    })
  }
}

/** Keeps the `most` that were added last. */
function remember(set: Set<string>, value: string, most: number): void {
  set.delete(value)
  set.add(value)
  const [oldest] = set
  if (set.size > most && oldest !== undefined) set.delete(oldest)
}
