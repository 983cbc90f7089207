/**
 * How often one source may knock. Counted in this process alone: a count in the store would make us pay for a write for each
 * guess of a stranger, which is what the limit is to prevent. Several processes let through as many times more.
 */
import { MeshError, sourceOf } from '@agent-mesh/protocol'
import { sourceLimit } from '../defaults.ts'
import { TokenBuckets } from './token-buckets.ts'

/** What a request costs its source: strangers' guesses far more than joins that succeed. */
export type Knock = keyof typeof sourceLimit.costs

export class SourceLimit {
  readonly #buckets: TokenBuckets
  readonly #members = new Set<string>()
  readonly #memberAddresses = new Set<string>()

  /** @param now unix milliseconds */
  constructor(now: () => number) {
    this.#buckets = new TokenBuckets(sourceLimit, sourceLimit.sources, now)
  }

  /** @throws MeshError rate_limited with details `{ retryAfterMs }` when this source has knocked too often */
  check(address: string): void {
    const retryAfterMs = this.#buckets.waitMs(sourceOf(address))
    if (retryAfterMs === 0) return
    throw new MeshError('rate_limited', 'Cannot accept request: too many from this address', {
      details: { retryAfterMs },
      hint: `Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    })
  }

  /** Counts a request. */
  charge(address: string, knock: Knock): void {
    this.#buckets.charge(sourceOf(address), sourceLimit.costs[knock])
  }

  /** A request of this member was accepted: it is served from now on, however many guesses come from its address. */
  accepted(peerId: string, address: string): void {
    this.proved(peerId)
    this.memberAt(address)
  }

  /** A request was signed by this key, which is or was a member's: guesses from its address are none of its business. */
  proved(peerId: string): void {
    remember(this.#members, peerId, sourceLimit.members)
  }

  /** A member comes from this address: it may hold more connections than one that none came from. */
  memberAt(address: string): void {
    remember(this.#memberAddresses, sourceOf(address), sourceLimit.memberAddresses)
  }

  /** Whether a member came from this address. */
  hasMember(address: string): boolean {
    return this.#memberAddresses.has(sourceOf(address))
  }

  /** Whether a request by this key was accepted or proved before. Who only says so pays nobody's writes: its signature is checked first. */
  wasAccepted(peerId: string): boolean {
    return this.#members.has(peerId)
  }
}

/** Keeps the `most` that were added last. */
function remember(set: Set<string>, value: string, most: number): void {
  set.delete(value)
  set.add(value)
  const [oldest] = set
  if (set.size > most && oldest !== undefined) set.delete(oldest)
}
