/**
 * How many bytes of parts may be on their way without being read: few on a slow path, so that a ping behind them is
 * answered soon whatever kernels and muxers could hold; as many as the path takes on a fast one. After LEDBAT (RFC 6817):
 * the time a part takes to be acknowledged, less the shortest round trip known, is the queue that own parts have made.
 * Pure arithmetic over times of one monotonic clock, ms.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import { partBytes, windowDefaults } from './defaults.ts'

interface Mark {
  readonly bytes: number
  readonly sentAt: number
}

const { startBytes, minBytes, maxBytes, minPartBytes, targetMs, restMs, baseMs } = windowDefaults

export class SendWindow {
  readonly #marks: Mark[] = []
  #bytes: number = startBytes
  #inFlight = 0
  #sent = 0
  #delivered = 0
  #restingSince = -Infinity
  /** A part could not be sent since the last acknowledgement: only then a larger window would have been used. */
  #limited = false
  /** `#sent` when the window was last made smaller: what was sent before says nothing about the smaller one. */
  #shrunkAt = 0
  /** The shortest round trip of this period and of the one before. */
  #base = Infinity
  #olderBase = Infinity
  #periodEndsAt = -Infinity
  /** Waits until nothing is on its way, so that the next part measures a path without a queue. */
  #emptying = false

  /** Its size now. */
  get bytes(): number {
    return this.#bytes
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Size of the next part: a quarter of the window, so that the path is busy while parts are acknowledged. */
  get partBytes(): number {
    return Math.max(minPartBytes, Math.min(partBytes, this.#bytes >>> 2))
  }

  /** Whether no part was on its way for long: the path may be another now. */
  isRested(now: number): boolean {
    return this.#inFlight === 0 && now - this.#restingSince > restMs
  }

  /** Whether a part may be sent now. */
  hasRoom(now: number): boolean {
    if (this.#inFlight === 0) {
      this.#emptying = false
      if (this.isRested(now)) this.#bytes = Math.min(this.#bytes, startBytes)
      return true
    }
    if (!this.#emptying && this.#inFlight + this.partBytes <= this.#bytes) return true
    this.#limited = true
    return false
  }

  /** A part of so many bytes was sent. */
  sent(bytes: number, now: number): void {
    this.#marks.push({ bytes, sentAt: now })
    this.#inFlight += bytes
    this.#sent = (this.#sent + 1) >>> 0
  }

  /**
   * The peer has read so many parts since the link began, mod 2^32.
   * @throws MeshError `protocol_error` when they are more than were sent
   */
  delivered(count: number, now: number): void {
    const news = (count - this.#delivered) >>> 0
    if (news > this.#marks.length)
      throw new MeshError(
        'protocol_error',
        `Cannot count ${news} parts as read: ${this.#marks.length} were sent`,
      )
    if (news === 0) return
    this.#delivered = count
    const read = this.#marks.splice(0, news)
    const bytes = read.reduce((sum, mark) => sum + mark.bytes, 0)
    this.#inFlight -= bytes
    if (this.#inFlight === 0) this.#restingSince = now
    const roundTrip = now - read[news - 1]!.sentAt
    this.measured(roundTrip, now)
    this.#adapt(roundTrip - Math.min(this.#base, this.#olderBase), bytes)
  }

  /** A round trip over the same path, of a part or of a ping. */
  measured(roundTrip: number, now: number): void {
    if (now >= this.#periodEndsAt) {
      this.#olderBase = this.#base
      this.#base = Infinity
      this.#periodEndsAt = now + baseMs
      this.#emptying = this.#inFlight > 0
    }
    this.#base = Math.min(this.#base, roundTrip)
  }

  #adapt(queueMs: number, bytes: number): void {
    const limited = this.#limited
    this.#limited = false
    if (queueMs < targetMs / 2) {
      if (limited) this.#bytes = Math.min(maxBytes, this.#bytes + bytes)
    } else if (queueMs > targetMs && ((this.#delivered - this.#shrunkAt) | 0) > 0) {
      this.#bytes = Math.max(minBytes, Math.floor((this.#bytes * targetMs) / queueMs))
      this.#shrunkAt = this.#sent
    }
  }
}
