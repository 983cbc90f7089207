import { describe, expect, it } from 'vitest'
import { windowDefaults } from './defaults.ts'
import { SendWindow } from './send-window.ts'

/** A path that carries parts one after the other, and brings back how many were read. */
class Path {
  /** Bytes a ms. */
  rate: number
  /** ms, without a queue. */
  roundTrip: number
  readonly window = new SendWindow()
  readonly #onTheWay: number[] = []
  #now = 0
  #read = 0
  #free = 0

  constructor(rate: number, roundTrip: number) {
    this.rate = rate
    this.roundTrip = roundTrip
    this.window.measured(roundTrip, 0)
  }

  /** Sends what the window lets for so many ms. @returns bytes a ms that were carried, and the longest queue in ms */
  run(ms: number): { perMs: number; longest: number } {
    let [carried, longest] = [0, 0]
    for (const end = this.#now + ms; this.#now < end; this.#now += 0.05) {
      while ((this.#onTheWay[0] ?? Infinity) <= this.#now) {
        this.#onTheWay.shift()
        this.window.delivered(++this.#read, this.#now)
      }
      while (this.window.hasRoom(this.#now)) {
        const bytes = this.window.partBytes
        this.window.sent(bytes, this.#now)
        this.#free = Math.max(this.#free, this.#now) + bytes / this.rate
        this.#onTheWay.push(this.#free + this.roundTrip)
        longest = Math.max(longest, this.#free - this.#now)
        carried += bytes
      }
    }
    return { perMs: carried / ms, longest }
  }

  /** Sends nothing for so many ms. */
  rest(ms: number): void {
    this.#now += ms
    this.#read += this.#onTheWay.length
    this.window.delivered(this.#read, this.#now)
    this.#onTheWay.length = 0
    this.#now += ms
  }
}

describe('SendWindow', () => {
  it.each([
    { name: '1 Mbit/s, near', rate: 125, roundTrip: 1, share: 0.9 },
    { name: '1 Mbit/s, 60 ms away', rate: 125, roundTrip: 60, share: 0.9 },
    { name: '4 Mbit/s, 200 ms away', rate: 500, roundTrip: 200, share: 0.8 },
    { name: '100 Mbit/s, 20 ms away', rate: 12_500, roundTrip: 20, share: 0.9 },
  ])('fills a path of $name and keeps a ping behind it below 200 ms', ({ rate, roundTrip, share }) => {
    const path = new Path(rate, roundTrip)
    const first = path.run(4_000)
    const steady = path.run(10_000)
    expect(Math.max(first.longest, steady.longest)).toBeLessThan(200)
    expect(steady.perMs / rate).toBeGreaterThan(share)
  })

  it('grows to its limit on a fast path, gives way when the path becomes slow, and begins anew after a rest', () => {
    const path = new Path(500_000, 0.2)
    path.run(100)
    expect(path.window.bytes).toBe(windowDefaults.maxBytes)
    expect(path.window.partBytes).toBe(16 * 1024)
    path.rate = 125
    path.run(20_000)
    expect(path.window.bytes).toBeLessThan(32 * 1024)
    path.rate = 500_000
    path.run(1_000)
    expect(path.window.bytes).toBeGreaterThan(windowDefaults.startBytes)
    path.rest(windowDefaults.restMs + 1)
    expect(path.window.hasRoom(1e6)).toBe(true)
    expect(path.window.bytes).toBe(windowDefaults.startBytes)
  })

  it('fills the path again when its round trip has become longer for good', () => {
    const path = new Path(500, 1)
    path.run(1_000)
    path.roundTrip = 300
    path.run(200_000)
    const last = path.run(10_000)
    expect(last.perMs / 500).toBeGreaterThan(0.75)
    expect(last.longest).toBeLessThan(200)
  })

  it('refuses a count of parts that were never sent', () => {
    const window = new SendWindow()
    window.sent(4_096, 0)
    window.delivered(1, 1)
    window.delivered(1, 2)
    expect(window.inFlight).toBe(0)
    expect(() => window.delivered(2, 3)).toThrow(expect.objectContaining({ code: 'protocol_error' }))
    expect(() => window.delivered(0, 3)).toThrow(expect.objectContaining({ code: 'protocol_error' }))
  })
})
