/**
 * Limits the requests of one source. Counted in each process: a count in the store would cost a write for each guess of a
 * stranger, which the limit has to prevent. N processes accept N times as many.
 */
import { MeshError, sourceOf } from '@agent-mesh/protocol'
import { sourceLimit } from '../defaults.ts'
import { TokenBuckets } from './token-buckets.ts'

/** Cost of a request for its source: guesses of strangers cost far more than successful joins. */
export type Knock = keyof typeof sourceLimit.costs

export class SourceLimit {
  readonly #buckets: TokenBuckets
  readonly #members = new Set<string>()
  readonly #memberAddresses = new Set<string>()

  /** @param now unix milliseconds */
  constructor(now: () => number) {
    this.#buckets = new TokenBuckets(sourceLimit, sourceLimit.sources, now)
  }

  /** @throws MeshError rate_limited with details `{ retryAfterMs }` when this source is over its limit */
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

  /** A request of this member was accepted: it is served from now on, regardless of guesses from its address. */
  accepted(peerId: string, address: string): void {
    this.proved(peerId)
    this.memberAt(address)
  }

  /** A request was signed by this key, which is or was a member's: guesses from its address no longer count against it. */
  proved(peerId: string): void {
    remember(this.#members, peerId, sourceLimit.members)
  }

  /** A member comes from this address: it may hold more connections than an address without members. */
  memberAt(address: string): void {
    remember(this.#memberAddresses, sourceOf(address), sourceLimit.memberAddresses)
  }

  /** Whether a member came from this address. */
  hasMember(address: string): boolean {
    return this.#memberAddresses.has(sourceOf(address))
  }

  /** Whether this key was accepted or verified before. A false claim costs no write: its signature is checked first. */
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
