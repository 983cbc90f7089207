/**
 * Time that moves when a test says so. Timers fire in the order of their times, each at its own time, and what they set off has
 * happened before the next one fires: a test has the same course on any machine.
 */
import { checkDuration } from '@agent-mesh/protocol/duration'
import { sleep, type StartTimer } from '@agent-mesh/protocol/timers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { WheelClock } from '../core/timer-wheel.ts'

interface Waiting {
  readonly due: number
  /** Timers of one time fire in the order in which they were started. */
  readonly number: number
  readonly fire: () => void
}

/** Turns of the event loop without a byte on any link after which nothing is on its way: a call takes less between two of its steps. */
const quietTurns = 4

export class VirtualTime implements WheelClock {
  readonly #waiting = new Set<Waiting>()
  #now = 0
  #started = 0
  #activity = 0
  #advancing: Promise<void> = Promise.resolve()

  /** ms since the mesh was made. */
  now(): number {
    return this.#now
  }

  /** Calls `work` once, when that time has come. */
  readonly startTimer: StartTimer = (ms, work) => {
    const fire = (): void => {
      this.#waiting.delete(entry)
      work()
    }
    const entry: Waiting = { due: this.#now + Math.max(0, ms), number: ++this.#started, fire }
    this.#waiting.add(entry)
    return { cancel: () => void this.#waiting.delete(entry) }
  }

  every(ms: number, callback: () => void): () => void {
    const again = (): void => {
      timer = this.startTimer(ms, again)
      callback()
    }
    let timer = this.startTimer(ms, again)
    return () => timer.cancel()
  }

  /** Waits, in a handler or in a test, for so many ms of this clock. @throws the reason of `signal` */
  sleep(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    return sleep(ms, { signal, start: this.startTimer })
  }

  /** Lets so many ms pass. Resolves when all that is due by then has happened; two at once follow each other. @throws MeshError `invalid_argument` */
  async advance(ms: number): Promise<void> {
    checkDuration(ms, 'advance the time', 'ms')
    return (this.#advancing = this.#advancing.then(() => this.#pass(ms)))
  }

  /** Resolves when no byte is on its way any more, without time passing. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < quietTurns;) quiet = (await this.#turn()) ? 0 : quiet + 1
  }

  /** Something moves on a link. */
  noteActivity(): void {
    this.#activity++
  }

  async #pass(ms: number): Promise<void> {
    await this.settle()
    const until = this.#now + ms
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#now = Math.max(this.#now, next.due)
      next.fire()
      if (await this.#turn()) await this.settle()
    }
    this.#now = until
    await this.settle()
  }

  /** @returns whether something moved in one turn of the event loop */
  async #turn(): Promise<boolean> {
    const before = this.#activity
    await nextTurn()
    return this.#activity !== before
  }

  #next(until: number): Waiting | undefined {
    let first: Waiting | undefined
    for (const entry of this.#waiting)
      if (entry.due <= until && (first === undefined || isBefore(entry, first))) first = entry
    return first
  }
}

const isBefore = (a: Waiting, b: Waiting): boolean =>
  a.due < b.due || (a.due === b.due && a.number < b.number)
