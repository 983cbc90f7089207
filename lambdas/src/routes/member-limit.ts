/**
 * Limits the requests of one member, so that an agent in a loop costs the others nothing. Counted in each process, as for
 * strangers: N processes accept N times as many. Records have a separate limit, in the store.
 */
import { MeshError, type ApiRoute } from '@agent-mesh/protocol'
import { memberLimit } from '../defaults.ts'
import { TokenBuckets } from './token-buckets.ts'

type Asked = Pick<ApiRoute, 'method' | 'path'>

export class MemberLimit {
  readonly #writes: TokenBuckets
  readonly #reads: TokenBuckets

  /** @param now unix milliseconds */
  constructor(now: () => number) {
    const { writes, reads, members } = memberLimit
    this.#writes = new TokenBuckets(writes, members, now)
    this.#reads = new TokenBuckets(reads, members, now)
  }

  /**
   * Checks the unverified key of a request before anything is read: only requests with a verified signature are charged, so
   * no peer can use up the limit of another.
   * @throws MeshError rate_limited with details `{ retryAfterMs }`
   */
  check(peerId: string, route: Asked): void {
    const retryAfterMs = this.#bucketsOf(route).waitMs(peerId)
    if (retryAfterMs === 0) return
    throw new MeshError('rate_limited', `Cannot accept request: ${peerId} asks too often`, {
      details: { retryAfterMs },
      hint: `Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    })
  }

  /** Counts a request with a valid signature. */
  charge(peerId: string, route: Asked): void {
    const costs: Record<string, number> = memberLimit.costs
    this.#bucketsOf(route).charge(peerId, costs[`${route.method} ${route.path}`] ?? 1)
  }

  #bucketsOf({ method, path }: Asked): TokenBuckets {
    return method === 'GET' && path !== '/v1/health' ? this.#reads : this.#writes
  }
}
