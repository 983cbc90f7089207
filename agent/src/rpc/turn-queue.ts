import { turnDefaults, type TurnOptions } from './defaults.ts'
import { FairQueue, type Lane } from './fair-queue.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'

/** After handlers that took less than `lightMs`, this many share a reading of the clock: a turn is late by these at most. */
const lightHandlers = 8
const lightMs = 0.1

/** A request that waits for its turn. One of the last three is called, once; none may throw. */
export interface TurnEntry {
  /** Whether its caller still waits. */
  readonly open: boolean
  /** Monotonic ms: when the bytes that brought it were read, and when its caller stops waiting. */
  readonly arrivedAt: number
  readonly deadline: number
  /** Runs the handler. @param now monotonic ms */
  start(now: number): void
  /** Refuses it: it waited too long. */
  shed(waitedMs: number): void
  /** Forgets it: its caller waits no more. */
  drop(): void
}

/** Where the queue reports what happened; room observe counts it. Must not throw. */
export interface TurnMetrics {
  /** A request that could not start at once started after this many ms. */
  turnWaited(ms: number): void
  /** A request was not started: it waited for too long, or its caller gave up before. */
  turnRefused(reason: 'shed' | 'given_up'): void
}

export const noTurnMetrics: TurnMetrics = { turnWaited: () => undefined, turnRefused: () => undefined }

/**
 * Decides when the handlers of a process run: all frames of a chunk are read first, then handlers run, links taking turns, until
 * `turnMs` are used; the rest waits in a queue while the process reads what else has arrived. So a cancel or a ping is not stuck
 * behind the handlers of a busy process. A request whose caller has given up, or whose time is over, never starts; one that
 * waited too long is shed while its caller can still ask another.
 *
 * At light load nothing waits: handlers run in the turn that read their requests. One object for all links of a process.
 */
export class TurnQueue {
  readonly #wheel: TimerWheel
  readonly #options: TurnOptions
  readonly #metrics: TurnMetrics
  readonly #waiting = new FairQueue<TurnEntry>()
  readonly #nextTurn = (): void => this.#beginTurn()
  #scheduled = false
  #running = false
  #usedMs = 0
  /** Handlers that run between two readings of the clock. */
  #perReading = 1
  /** Monotonic ms when a turn last began. */
  #beganAt = -Infinity
  #standingSince: number | undefined

  constructor(wheel: TimerWheel, options: Partial<TurnOptions> = {}, metrics: TurnMetrics = noTurnMetrics) {
    this.#wheel = wheel
    this.#options = { ...turnDefaults, ...options }
    this.#metrics = metrics
  }

  /** Requests that wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Adds a request of the link that `lane` stands for; it starts at the next {@link settle} or later. */
  add(lane: Lane<TurnEntry>, entry: TurnEntry): void {
    this.#waiting.add(lane, entry)
  }

  /** All frames of a chunk that arrived at monotonic ms `now` have been read: runs what may run now. */
  settle(now = this.#wheel.now()): void {
    if (this.#waiting.size === 0 || this.#scheduled || this.#running) return
    const late = this.#wheel.lateness(now) > this.#options.lateMs
    if (!late && this.#usedMs < this.#options.turnMs) this.#run(now)
    else this.#schedule()
  }

  #beginTurn(): void {
    this.#scheduled = false
    this.#usedMs = 0
    if (this.#waiting.size === 0) return
    const now = this.#wheel.now()
    this.#shedOld(now)
    this.#run(now)
  }

  #run(beganAt: number): void {
    const endsAt = beganAt + this.#options.turnMs - this.#usedMs
    let now = beganAt
    this.#beganAt = beganAt
    this.#running = true
    for (let unread = 0; now < endsAt;) {
      const entry = this.#waiting.next()
      if (entry === undefined) break
      this.#take(entry, now)
      // Mostly the dispatcher has read the clock at the end of the call; light handlers share one reading.
      if (++unread < this.#perReading && this.#waiting.size > 0 && this.#wheel.readAt <= now) continue
      const read = this.#wheel.after(now)
      this.#perReading = read - now < lightMs ? lightHandlers : 1
      now = read
      unread = 0
    }
    this.#running = false
    this.#usedMs += now - beganAt
    if (this.#waiting.size === 0) this.#standingSince = undefined
    else this.#standingSince ??= now
    // Short turns are added up: a callback for each would cost light load more than it is worth.
    if (this.#waiting.size > 0 || this.#usedMs >= 1) this.#schedule()
  }

  #take(entry: TurnEntry, now: number): void {
    if (!entry.open || now >= entry.deadline) return this.#drop(entry)
    const waited = now - entry.arrivedAt
    if (waited >= 1) this.#metrics.turnWaited(waited)
    entry.start(now)
  }

  #drop(entry: TurnEntry): void {
    this.#metrics.turnRefused('given_up')
    entry.drop()
  }

  /**
   * Refuses the oldest of each link that waited too long, also of links whose turn is far. Requests that no turn has passed over did
   * not wait for handlers: the process did other work, such as the handshakes of many links, and shedding would free nothing.
   */
  #shedOld(now: number): void {
    const limit = this.#mostWaitMs(now)
    const isOld = ({ open, arrivedAt }: TurnEntry): boolean =>
      !open || (arrivedAt <= this.#beganAt && now - arrivedAt > limit)
    for (const entry of this.#waiting.sweep(isOld)) {
      if (!entry.open || now >= entry.deadline) {
        this.#drop(entry)
      } else {
        this.#metrics.turnRefused('shed')
        entry.shed(now - entry.arrivedAt)
      }
    }
  }

  /** A queue that has not been empty for long is no burst: waiting in it gains nothing (as CoDel, RFC 8289). */
  #mostWaitMs(now: number): number {
    const { mostWaitMs, standingWaitMs, standingMs } = this.#options
    const standing = this.#standingSince !== undefined && now - this.#standingSince > standingMs
    return standing ? standingWaitMs : mostWaitMs
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#nextTurn)
  }
}
