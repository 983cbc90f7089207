import type { ByteBudget } from '../byte-budget.ts'
import { streamDefaults } from './defaults.ts'

/**
 * How many bytes the sender of one direction of a stream may send before its reader has read them. They are allotted from the budget
 * of the link and of the process while the stream is open, whether they are used or not: what a peer can make this process hold is
 * bounded before it is sent, and a stream without a reader takes nothing from the others.
 *
 * A window doubles when half of it was read within a round trip, or a turn of a busy process where that takes longer: then the sender
 * waits for credit, and not for the reader. The shortest round trip counts: with one that the own bytes make longer a slow path would
 * be filled up to the largest window.
 */
export class ReceiveWindow {
  readonly #budget: ByteBudget
  readonly #most: number
  readonly #first: number
  #size = 0
  /** Bytes read that were not given back as credit. */
  #read = 0
  #lastAt = 0
  /** Bytes of a message larger than the window that were given back before they were read. */
  #ahead = 0

  /** @param bytes of the first window and of the largest one, where the program says so */
  constructor(budget: ByteBudget, bytes?: number) {
    this.#budget = budget
    this.#most = bytes ?? streamDefaults.mostBytes
    this.#first = Math.min(this.#most, streamDefaults.firstBytes)
  }

  /** @returns the first credit in bytes; 0: there is no room for another stream */
  open(now: number): number {
    const share = Math.floor(this.#budget.left / streamDefaults.firstShare)
    const size = Math.min(this.#first, Math.max(streamDefaults.minBytes, share))
    if (size > this.#budget.left) return 0
    this.#budget.take(size)
    this.#lastAt = now
    return (this.#size = size)
  }

  /** Whether credit is due when so many bytes more have been read. */
  isDue(bytes: number): boolean {
    return (this.#read += bytes) >= this.#size / 2
  }

  /**
   * Called when credit is due.
   * @param rttMs round trip of the path; undefined: not known
   * @returns the credit in bytes
   */
  credit(now: number, rttMs: number | undefined): number {
    const grown = now - this.#lastAt < Math.max(rttMs ?? 0, streamDefaults.turnMs) ? this.#grow() : 0
    const credit = this.#read + grown
    this.#read = 0
    this.#lastAt = now
    return credit
  }

  /** Gives credit for bytes that stay here until their message is complete. @returns false: there is no room for them */
  hold(bytes: number): boolean {
    if (!this.#budget.tryTake(bytes)) return false
    this.#ahead += bytes
    return true
  }

  /** The message whose bytes were held is read. */
  release(): void {
    this.#budget.give(this.#ahead)
    this.#ahead = 0
  }

  /** The stream has ended: returns its bytes to the budget. */
  close(): void {
    this.#budget.give(this.#size + this.#ahead)
    this.#size = this.#ahead = 0
  }

  #grow(): number {
    const room = Math.floor(this.#budget.left / streamDefaults.growShare)
    const more = Math.max(0, Math.min(this.#size, this.#most - this.#size, room))
    this.#size += more
    this.#budget.take(more)
    return more
  }
}
