/** Popularity by Zipf's law: the k-th of `keys` is asked for as often as 1 / k^s says. */
export class Zipf {
  readonly #sums: Float64Array
  #state: number

  /** @param seed of xorshift32, which makes every run the same */
  constructor(keys: number, s: number, seed: number) {
    this.#sums = new Float64Array(keys)
    this.#state = seed
    let sum = 0
    for (let at = 0; at < keys; at++) this.#sums[at] = sum += (at + 1) ** -s
  }

  /** The next key, from 0. */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    const wanted = ((x >>> 0) / 2 ** 32) * this.#sums.at(-1)!
    let [low, high] = [0, this.#sums.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Share of the questions that are for the `count` most popular keys: what the best choice that never changes would hit. */
  share(count: number): number {
    return this.#sums[count - 1]! / this.#sums.at(-1)!
  }
}
