import { performance } from 'node:perf_hooks'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { wheelRestMs, wheelSlots, wheelTickMs } from './defaults.ts'

/** Monotonic milliseconds and a repeating timer; tests pass their own. */
export interface WheelClock {
  now(): number
  /** Calls back each `ms`, keeping no process alive; the result stops it. */
  every(ms: number, callback: () => void): () => void
}

export const systemWheelClock: WheelClock = {
  now: () => performance.now(),
  every: (ms, callback) => {
    const timer = setInterval(callback, timerDelay(ms)).unref()
    return () => clearInterval(timer)
  },
}

/** Something with a deadline; at most one at a time, linked into a slot of the wheel. */
export abstract class WheelEntry {
  /** @internal */ next: WheelEntry | undefined = undefined
  /** @internal */ previous: WheelEntry | undefined = undefined
  /** @internal */ dueTick = 0

  /** Called once when the deadline has passed. Must not throw. */
  abstract expire(): void
}

class SlotHead extends WheelEntry {
  override expire(): void {}
}

/**
 * Deadlines of all calls on one repeating timer: a hashed timing wheel (Varghese and Lauck 1987, scheme 6). Adding and
 * removing are O(1) and allocate nothing. An entry expires never early and at most one tick after its time, as long as
 * the event loop runs.
 */
export class TimerWheel {
  readonly #clock: WheelClock
  readonly #tickMs: number
  readonly #slots: SlotHead[]
  readonly #mask: number
  #tick = 0
  #size = 0
  #idleTicks = 0
  #stopTimer: (() => void) | undefined
  #readAt = 0
  /** Monotonic ms of the last turn of the wheel, and how late it was. */
  #turnedAt = 0
  #lateMs = Number.POSITIVE_INFINITY

  /** `slots` is a power of two. */
  constructor(
    clock: WheelClock = systemWheelClock,
    tickMs: number = wheelTickMs,
    slots: number = wheelSlots,
  ) {
    this.#clock = clock
    this.#tickMs = tickMs
    this.#mask = slots - 1
    this.#slots = Array.from({ length: slots }, () => {
      const head = new SlotHead()
      head.next = head.previous = head
      return head
    })
  }

  /** Entries that wait. */
  get size(): number {
    return this.#size
  }

  now(): number {
    return (this.#readAt = this.#clock.now())
  }

  /**
   * What {@link now} last returned, to any caller. A reading of the clock costs as much as ten other steps of a call: parts that run
   * right after one another in a turn of the event loop share it.
   */
  get readAt(): number {
    return this.#readAt
  }

  /** A reading after `at`, which is one: the last one when the clock was read since, else a new one. */
  after(at: number): number {
    return this.#readAt > at ? this.#readAt : this.now()
  }

  /**
   * ms by which the event loop was late at `now`, or at the last tick: what is read from a socket then may have waited that long in
   * the kernel. Infinity before the first tick: not known.
   */
  lateness(now: number): number {
    if (this.#stopTimer === undefined) return Number.POSITIVE_INFINITY
    return Math.max(this.#lateMs, now - this.#turnedAt - this.#tickMs)
  }

  /** Lets `entry`, which must not be waiting, expire at monotonic time `at` in ms. */
  schedule(entry: WheelEntry, at: number): void {
    if (this.#stopTimer === undefined) this.#start()
    entry.dueTick = Math.max(Math.ceil(at / this.#tickMs), this.#tick + 1)
    const head = this.#slots[entry.dueTick & this.#mask]!
    entry.previous = head.previous
    entry.next = head
    head.previous!.next = entry
    head.previous = entry
    this.#size++
  }

  /** Forgets `entry`; nothing happens when it does not wait. */
  cancel(entry: WheelEntry): void {
    if (entry.next === undefined) return
    entry.previous!.next = entry.next
    entry.next.previous = entry.previous
    entry.next = entry.previous = undefined
    this.#size--
  }

  /** Forgets the timer; entries that still wait never expire. */
  stop(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }

  #start(): void {
    this.#idleTicks = 0
    this.#turnedAt = this.#clock.now()
    this.#lateMs = Number.POSITIVE_INFINITY
    this.#tick = Math.floor(this.#turnedAt / this.#tickMs)
    this.#stopTimer = this.#clock.every(this.#tickMs, () => this.#advance())
  }

  #advance(): void {
    const at = this.#clock.now()
    this.#lateMs = at - this.#turnedAt - this.#tickMs
    this.#turnedAt = at
    const now = Math.floor(at / this.#tickMs)
    // A lap visits every slot: more would only repeat it after a blocked event loop.
    const from = Math.max(this.#tick + 1, now - this.#mask)
    this.#tick = Math.max(this.#tick, now)
    for (let tick = from; tick <= now; tick++) this.#expireSlot(this.#slots[tick & this.#mask]!, now)
    // Not stopped at once: with one call after the other the wheel is empty between any two.
    this.#idleTicks = this.#size === 0 ? this.#idleTicks + 1 : 0
    if (this.#idleTicks * this.#tickMs > wheelRestMs) this.stop()
  }

  /** Entries may add and cancel others meanwhile: what is due moves to a list of its own first. */
  #expireSlot(head: SlotHead, now: number): void {
    const due = new SlotHead()
    due.next = due.previous = due
    for (let entry = head.next!; entry !== head;) {
      const next = entry.next!
      if (entry.dueTick <= now) move(entry, due)
      entry = next
    }
    while (due.next !== due) {
      const entry = due.next!
      this.cancel(entry)
      entry.expire()
    }
  }
}

function move(entry: WheelEntry, head: SlotHead): void {
  entry.previous!.next = entry.next
  entry.next!.previous = entry.previous
  entry.previous = head.previous
  entry.next = head
  head.previous!.next = entry
  head.previous = entry
}
