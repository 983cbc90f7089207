/**
 * How many bytes of parts may be on their way without being read: few on a slow path, so that a ping behind them is
 * answered soon whatever kernels and muxers could hold; as many as the path takes on a fast one. After LEDBAT (RFC 6817):
 * the time a part takes to be acknowledged, less the shortest round trip known, is the queue that own parts have made. A small
 * window is spread over the round trip, as TCP paces: sent in one piece, it would be carried, read and acknowledged in one piece
 * each time, with the path at rest meanwhile. Pure arithmetic over times of one monotonic clock, ms.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import { partBytes, windowDefaults } from './defaults.ts'
import { PathRate } from './path-rate.ts'

interface Mark {
  readonly bytes: number
  readonly sentAt: number
  /** Bytes that had been acknowledged by then. */
  readonly readBefore: number
}

const { startBytes, minBytes, minPartBytes, targetMs, restMs, baseMs, paceGain, paceLateMs } = windowDefaults

/** From this size on parts are not paced. */
const pacedBytes = 4 * partBytes

/** How large it and its parts may become, bytes. */
export interface WindowBounds {
  readonly maxBytes: number
  readonly maxPartBytes: number
}

export class SendWindow {
  readonly #bounds: WindowBounds
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
  /** Whether a ping of this period found the path without parts: every part makes a queue, if only by its own bytes. */
  #measured = false
  /** Of the part that was acknowledged last, and of the one before. */
  #roundTrip = 0
  #olderRoundTrip = Infinity
  #nextAt = -Infinity
  /** Bytes acknowledged since the link began. */
  #readBytes = 0
  readonly #rate = new PathRate()

  constructor(bounds: WindowBounds = windowDefaults) {
    this.#bounds = bounds
  }

  /** Its size now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Of the path, bytes a ms; Infinity while it is not known. */
  get bytesPerMs(): number {
    return this.#rate.bytesPerMs
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /**
   * Size of the next part: a quarter of a small window, so that the path is busy while parts are acknowledged; an eighth of a large
   * one: what each part costs is then spread over more bytes.
   */
  get partBytes(): number {
    const quarter = Math.min(partBytes, this.#bytes >>> 2)
    return Math.max(minPartBytes, quarter, Math.min(this.#bounds.maxPartBytes, this.#bytes >>> 3))
  }

  /** Monotonic ms: no part is sent before. */
  get nextAt(): number {
    return this.#nextAt
  }

  /** Whether no part was on its way for long: the path may be another now. */
  isRested(now: number): boolean {
    return this.#inFlight === 0 && now - this.#restingSince > restMs
  }

  /** Whether nothing is sent until a ping has measured the path, which is empty now. */
  wantsPing(now: number): boolean {
    this.#turnPeriod(now)
    return !this.#measured && this.#inFlight === 0
  }

  /** Whether a part may be sent now. */
  hasRoom(now: number): boolean {
    this.#turnPeriod(now)
    if (this.isRested(now)) this.#bytes = Math.min(this.#bytes, startBytes)
    const fits = this.#inFlight === 0 || this.#inFlight + this.partBytes <= this.#bytes
    if (fits && this.#measured && now >= this.#nextAt) return true
    this.#limited = true
    return false
  }

  /** A part of so many bytes was sent. */
  sent(bytes: number, now: number): void {
    this.#marks.push({ bytes, sentAt: now, readBefore: this.#readBytes })
    this.#inFlight += bytes
    this.#sent = (this.#sent + 1) >>> 0
    this.#nextAt = Math.max(this.#nextAt, now - paceLateMs) + this.#paceMs(bytes)
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
    this.#olderRoundTrip = this.#roundTrip
    const last = read[news - 1]!
    this.#roundTrip = now - last.sentAt
    this.#base = Math.min(this.#base, this.#roundTrip)
    this.#readBytes += bytes
    this.#rate.delivered(this.#readBytes - last.readBefore, this.#roundTrip, this.#queueMs(this.#lately))
    this.#adapt(this.#lately, bytes)
    this.#limited = false
    // The round trip that the last part was paced by may have been that of a busy moment.
    this.#nextAt = Math.min(this.#nextAt, now + this.#paceMs(this.partBytes))
  }

  /** ms. One part may have waited for a busy processor; a queue delays two. */
  get #lately(): number {
    return Math.min(this.#roundTrip, this.#olderRoundTrip)
  }

  /** ms from one part to the next. */
  #paceMs(bytes: number): number {
    return this.#bytes < pacedBytes ? ((bytes / this.#bytes) * this.#lately) / paceGain : 0
  }

  /** A ping over the same path, sent at monotonic ms `sentAt`, was answered. */
  measured(sentAt: number, now: number): void {
    this.#turnPeriod(now)
    const roundTrip = now - sentAt
    this.#base = Math.min(this.#base, roundTrip)
    if (this.#inFlight > 0) return this.#adapt(roundTrip, 0)
    if (this.#restingSince > sentAt) return
    this.#measured = true
    this.#roundTrip = roundTrip
  }

  #turnPeriod(now: number): void {
    if (now < this.#periodEndsAt) return
    this.#olderBase = this.#base
    this.#base = Infinity
    this.#periodEndsAt = now + baseMs
    this.#measured = false
  }

  /** What own parts add to the round trip. */
  #queueMs(roundTrip: number): number {
    return roundTrip - Math.min(this.#base, this.#olderBase)
  }

  /** @param bytes by which the window may grow */
  #adapt(roundTrip: number, bytes: number): void {
    const queueMs = this.#queueMs(roundTrip)
    if (queueMs < targetMs / 2) {
      if (this.#limited) this.#bytes = Math.min(this.#bounds.maxBytes, this.#bytes + bytes)
    } else if (queueMs > targetMs && ((this.#delivered - this.#shrunkAt) | 0) > 0) {
      this.#bytes = Math.max(minBytes, Math.floor((this.#bytes * targetMs) / queueMs))
      this.#shrunkAt = this.#sent
    }
  }
}
