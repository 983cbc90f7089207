/** The limiter against a simulated method, in simulated time: deterministic. */
import { describe, expect, it } from 'vitest'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import { limitDefaults } from './defaults.ts'

interface Scene {
  /** Calls that the method works on at once; more wait behind them. */
  readonly slots: number
  /** ms that one takes, at a time of the scene. */
  readonly takes: (random: () => number, now: number) => number
  /** Calls a second, at a time of the scene. */
  readonly rate: (now: number) => number
  readonly ms: number
}

interface Answer {
  readonly arrivedAt: number
  readonly ms: number
}

interface Call {
  readonly arrivedAt: number
  among: number
  beganAt: number
}

/** Runs a scene: what was answered, when calls were refused, and the lowest limit. */
class Simulation {
  readonly answers: Answer[] = []
  readonly refusedAt: number[] = []
  lowest = Number.POSITIVE_INFINITY
  readonly #scene: Scene
  readonly #limit = new ConcurrencyLimit()
  readonly #events: { at: number; work: () => void }[] = []
  readonly #queue: Call[] = []
  readonly #behind: Call[] = []
  #now = 0
  #running = 0
  #busy = 0
  #seed = 1

  constructor(scene: Scene) {
    this.#scene = scene
    this.#at(1, () => this.#arrive())
    this.#at(0, () => this.#tick())
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      this.#now = next.at
      next.work()
    }
  }

  /** ms of what was answered, of calls that arrived from `from` to `to`. */
  quantile(part: number, from = 0, to = this.#scene.ms): number {
    const all = this.answers
      .filter(({ arrivedAt }) => arrivedAt >= from && arrivedAt <= to)
      .map(({ ms }) => ms)
    return all.sort((a, b) => a - b)[Math.floor(all.length * part)] ?? Number.NaN
  }

  readonly #random = (): number => {
    this.#seed = (this.#seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return this.#seed / 2_147_483_648
  }

  #at(at: number, work: () => void): void {
    let place = this.#events.length
    while (place > 0 && this.#events[place - 1]!.at > at) place--
    this.#events.splice(place, 0, { at, work })
  }

  #tick(): void {
    this.#letIn()
    if (this.#now < this.#scene.ms + 1_000) this.#at(this.#now + limitDefaults.tickMs, () => this.#tick())
  }

  #arrive(): void {
    this.#queue.push({ arrivedAt: this.#now, among: 0, beganAt: 0 })
    this.#letIn()
    const next = this.#now + (-Math.log(1 - this.#random()) / this.#scene.rate(this.#now)) * 1_000
    if (next < this.#scene.ms) this.#at(next, () => this.#arrive())
  }

  #letIn(): void {
    this.lowest = Math.min(this.lowest, this.#limit.most)
    while (this.#queue.length > 0 && this.#now - this.#queue[0]!.arrivedAt > limitDefaults.mostWaitMs) {
      this.#queue.shift()
      this.refusedAt.push(this.#now)
    }
    while (this.#queue.length > 0 && this.#limit.admits(this.#running, this.#now)) {
      const call = this.#queue.shift()!
      call.among = ++this.#running
      call.beganAt = this.#now
      this.#begin(call)
    }
  }

  #begin(call: Call): void {
    if (this.#busy === this.#scene.slots) return void this.#behind.push(call)
    this.#busy++
    this.#at(this.#now + this.#scene.takes(this.#random, this.#now), () => {
      this.#busy--
      const next = this.#behind.shift()
      if (next !== undefined) this.#begin(next)
      this.#limit.ended(call.among, this.#now - call.beganAt, this.#running, this.#now)
      this.#running--
      this.answers.push({ arrivedAt: call.arrivedAt, ms: this.#now - call.arrivedAt })
      this.#letIn()
    })
  }
}

const noPool = 1e9
const unrefused = (scene: Scene): void => {
  const simulation = new Simulation(scene)
  expect(simulation.refusedAt).toEqual([])
}

describe('a method behind a pool', () => {
  it.each([
    ['10 connections of 50 ms', 10, 50],
    ['50 connections of 50 ms', 50, 50],
    ['10 connections of 5 ms', 10, 5],
  ])('of %s under three times its load answers what it can, quickly', (_name, slots, takesMs) => {
    const capacity = (slots / takesMs) * 1_000
    const simulation = new Simulation({ slots, takes: () => takesMs, rate: () => 3 * capacity, ms: 6_000 })
    expect(simulation.answers.length / 6).toBeGreaterThan(0.95 * capacity)
    expect(simulation.quantile(0.99)).toBeLessThan(300)
  })

  it('whose calls differ much in length keeps most of what it can do', () => {
    const takes = (random: () => number) => 20 + random() * 60
    const simulation = new Simulation({ slots: 10, takes, rate: () => 400, ms: 10_000 })
    expect(simulation.answers.length / 10).toBeGreaterThan(0.85 * 200)
    expect(simulation.quantile(0.99)).toBeLessThan(300)
  })

  it('is not limited below its load, and no more once the load has gone', () => {
    const high = (now: number) => now > 2_000 && now < 6_000
    const simulation = new Simulation({
      slots: 10,
      takes: () => 50,
      rate: now => (high(now) ? 600 : 160),
      ms: 10_000,
    })
    expect(simulation.refusedAt.filter(at => at < 2_000)).toEqual([])
    expect(simulation.refusedAt.some(high)).toBe(true)
    expect(simulation.refusedAt.filter(at => at > 6_500)).toEqual([])
    expect(simulation.quantile(0.99, 6_500)).toBeLessThan(120)
  })
})

describe('a method that is not held up by its own calls', () => {
  it('may wait as long as it likes: 1,000 long polls', () => {
    for (const takesMs of [300, 1_000, 30_000])
      unrefused({ slots: noPool, takes: () => takesMs, rate: () => 1_000_000 / takesMs, ms: 20_000 })
  })

  it('may take very different times', () => {
    unrefused({ slots: noPool, takes: random => 100 + random() * 1_400, rate: () => 1_000, ms: 10_000 })
    unrefused({ slots: noPool, takes: random => (random() < 0.7 ? 1 : 500), rate: () => 1_000, ms: 10_000 })
  })

  it('may be held up by its machine when a burst of calls of very different length comes', () => {
    const isBurst = (now: number) => now % 10_000 < 2_000
    unrefused({
      slots: noPool,
      takes: (random, now) => 1_000 ** random() + (isBurst(now) ? 200 * random() : 0),
      rate: now => (isBurst(now) ? 120 : 10),
      ms: 1_200_000,
    })
  })

  it('may have a hiccup', () => {
    const takes = (_random: () => number, now: number) => (now > 2_000 && now < 2_300 ? 300 : 20)
    unrefused({ slots: noPool, takes, rate: () => 500, ms: 10_000 })
  })

  it.each([
    ['when what it asks becomes slower for good', 20, 100, 500],
    ['when calls that were quick begin to wait', 1, 1_000, 1_000],
  ])('is limited for a moment at most, %s', (_name, atFirst, later, rate) => {
    const simulation = new Simulation({
      slots: noPool,
      takes: (_random, now) => (now < 2_000 ? atFirst : later),
      rate: () => rate,
      ms: 10_000,
    })
    expect(simulation.refusedAt.length).toBeLessThan(simulation.answers.length / 10)
    expect(simulation.refusedAt.filter(at => at > 6_000)).toEqual([])
  })
})
