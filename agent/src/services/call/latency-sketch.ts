/** How the latencies of a method are distributed, in 64 numbers: pure arithmetic. */

const buckets = 64
/** ms. The first bucket ends here, each other one a quarter higher: the last begins at 60 s. */
const firstMs = 0.05
const growth = 1.25
/** From so many on, the past counts half: the quantiles follow what the callees do now. */
const halveAt = 1_000

export class LatencySketch {
  readonly #counts = new Array<number>(buckets).fill(0)
  #size = 0

  /** How many latencies count. */
  get size(): number {
    return this.#size
  }

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(ms / firstMs) / Math.log(growth))
    this.#counts[Math.min(Math.max(bucket, 0), buckets - 1)]!++
    if (++this.#size >= halveAt) this.#halve()
  }

  /** ms that at most `1 - share` of the latencies exceed: up to a quarter too long. 0: nothing is known. */
  quantile(share: number): number {
    let left = this.#size * share
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0 && count > 0) return firstMs * growth ** bucket
    }
    return 0
  }

  /** ms of each bucket and the share of the latencies in it, in order; none of no latency. */
  *shares(): Generator<{ readonly ms: number; readonly share: number }> {
    for (const [bucket, count] of this.#counts.entries())
      if (count > 0) yield { ms: firstMs * growth ** bucket, share: count / this.#size }
  }

  #halve(): void {
    this.#size = 0
    for (const [bucket, count] of this.#counts.entries()) {
      this.#counts[bucket] = count >> 1
      this.#size += count >> 1
    }
  }
}
