import { ConcurrencyLimit } from '../serve/concurrency-limit.ts'
import { limitDefaults } from '../serve/defaults.ts'
import { seeded } from './balance-simulation.ts'

export interface Scene {
  /** Calls that the method works on at once; more wait behind them. */
  readonly slots: number
  /** ms that one takes, at a time of the scene. */
  readonly takes: (random: () => number, now: number) => number
  /** Calls a second, at a time of the scene. */
  readonly rate: (now: number) => number
  readonly ms: number
  /** Of chance. @default 1 */
  readonly seed?: number
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

/** Runs a scene against a {@link ConcurrencyLimit}, in simulated time, so deterministic: what was answered, and when calls were refused. */
export class LimitSimulation {
  readonly answers: Answer[] = []
  readonly refusedAt: number[] = []
  readonly #scene: Scene
  readonly #limit = new ConcurrencyLimit()
  readonly #events: { at: number; work: () => void }[] = []
  readonly #queue: Call[] = []
  readonly #behind: Call[] = []
  #now = 0
  #running = 0
  #busy = 0
  readonly #random: () => number

  constructor(scene: Scene) {
    this.#scene = scene
    this.#random = seeded(scene.seed ?? 1)
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

  #at(at: number, work: () => void): void {
    let from = 0
    let to = this.#events.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.#events[middle]!.at > at) to = middle
      else from = middle + 1
    }
    this.#events.splice(from, 0, { at, work })
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
