/** Token buckets by key, in bounded memory: a size and a refill a second for each. */
export interface BucketSize {
  most: number
  perSecond: number
}

interface Bucket {
  left: number
  /** Time of that level, ms. */
  at: number
}

export class TokenBuckets {
  readonly #size: BucketSize
  readonly #keys: number
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  /** @param keys the most that are remembered: those charged last @param now milliseconds */
  constructor(size: BucketSize, keys: number, now: () => number) {
    this.#size = size
    this.#keys = keys
    this.#now = now
  }

  /** Milliseconds until the bucket holds at least 1; 0 when it does now. */
  waitMs(key: string): number {
    const left = this.#left(key)
    return left >= 1 ? 0 : Math.ceil(((1 - left) / this.#size.perSecond) * 1_000)
  }

  /** Charges a cost, down to a debt of one whole bucket at most. */
  charge(key: string, cost: number): void {
    const left = Math.max(-this.#size.most, this.#left(key) - cost)
    this.#buckets.delete(key)
    this.#buckets.set(key, { left, at: this.#now() })
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > this.#keys && oldest !== undefined) this.#buckets.delete(oldest)
  }

  #left(key: string): number {
    const { most, perSecond } = this.#size
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return most
    const seconds = Math.max(0, this.#now() - bucket.at) / 1_000
    return Math.min(most, bucket.left + seconds * perSecond)
  }
}
