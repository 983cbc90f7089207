import { limitDefaults, type LimitOptions } from './defaults.ts'

/** What the calls that ended within a window were like. */
interface Window {
  readonly startedAt: number
  count: number
  /** ms of the quickest, and how many ran when it began. */
  quickestMs: number
  quickestAmong: number
  /** Of all of them together. */
  ms: number
  among: number
}

/**
 * How many calls of one method may run at once, found out by watching them. Pure arithmetic: times are passed in.
 *
 * Nothing is limited until a queue stands behind the method: a queue, as in CoDel (RFC 8289), is when even the quickest call of a window
 * took much longer than the quickest at rest, and longer than the mean there. Calls of very different length, or long-polling ones,
 * have quick ones among them or were always slow. Then, by Little's law, the rate of calls is `calls at once / ms`, and the limit is
 * what this rate needs for calls that take twice the time at rest. From there it is AIMD: up by a tenth when it was in the way and no queue stands, down
 * when one does. If fewer calls at once are no quicker, the method itself has become slower: that is its time at rest then.
 */
export class ConcurrencyLimit {
  readonly #options: LimitOptions
  #limit = Number.POSITIVE_INFINITY
  #restMs = Number.POSITIVE_INFINITY
  /** Mean ms of all calls at rest. */
  #meanMs = 0
  #window: Window | undefined
  /** What the limit was first cut for. */
  #cut: Window | undefined
  /** The most calls at once among which one was still quick; forgotten over 10 s. */
  #quickAmong = 0
  /** Calls that began before the last cut say nothing about it. */
  #cutAt = 0
  #lastEndedAt = 0
  /** When the limit was last in the way. */
  #hitAt = Number.NEGATIVE_INFINITY
  #judgedAt = 0
  /** Windows in a row that say that the limit was a mistake. */
  #doubts = 0
  /** After a limit that was a mistake none is set until then. */
  #trustFrom = 0
  #mistrustMs: number

  constructor(options: Partial<LimitOptions> = {}) {
    this.#options = { ...limitDefaults, ...options }
    this.#mistrustMs = this.#options.mistrustMs
  }

  /** Calls that may run at once; Infinity while nothing is limited. */
  get most(): number {
    return this.#limit
  }

  /** Whether one more may start while `running` others run. */
  admits(running: number, now: number): boolean {
    if (running < this.#limit) return true
    this.#hitAt = now
    this.#growIfStalled(running, now)
    return running < this.#limit
  }

  /** A call ended after `ms`. `among` calls ran when it began, `running` do now, both with it. */
  ended(among: number, ms: number, running: number, now: number): void {
    this.#lastEndedAt = now
    if (among > this.#quickAmong && ms <= this.#queueMs) this.#quickAmong = among
    if (now - ms < this.#cutAt) return
    const window = (this.#window ??= {
      startedAt: now,
      count: 0,
      quickestMs: Number.POSITIVE_INFINITY,
      quickestAmong: 0,
      ms: 0,
      among: 0,
    })
    window.count++
    window.ms += ms
    window.among += among
    if (ms < window.quickestMs) {
      window.quickestMs = ms
      window.quickestAmong = among
    }
    const { windowMs, windowCalls } = this.#options
    if (window.count < windowCalls || now - window.startedAt < windowMs) return
    this.#window = undefined
    this.#judge(window, running, now)
  }

  #judge(window: Window, running: number, now: number): void {
    const sinceMs = this.#judgedAt === 0 ? 0 : now - this.#judgedAt
    this.#judgedAt = now
    if (this.#limit !== Number.POSITIVE_INFINITY && now - this.#hitAt > this.#options.calmMs) this.#lift()
    if (!this.#isQueue(window, running, now)) {
      if (this.#limit === Number.POSITIVE_INFINITY) this.#learn(window, sinceMs)
      else this.#grow(now)
      this.#doubts = 0
    } else {
      this.#reduce(window, running, now)
    }
  }

  #isQueue({ quickestMs, quickestAmong }: Window, running: number, now: number): boolean {
    const { least, waiterMs } = this.#options
    if (quickestMs <= this.#queueMs || quickestMs > waiterMs || quickestAmong < 2 * least) return false
    if (this.#limit !== Number.POSITIVE_INFINITY) return true
    // The first limit: calls are slow only with more at once than were ever quick, and more calls arrive than end.
    return now >= this.#trustFrom && quickestAmong > this.#quickAmong && running > quickestAmong * 1.1
  }

  /** ms from which on the quickest call of a window says that a queue stands. */
  get #queueMs(): number {
    return Math.max(this.#restMs * this.#options.growth + this.#options.slackMs, this.#meanMs)
  }

  /** The time at rest: down at once, up slowly, so that a method that has become slower is not limited from then on. */
  #learn({ quickestMs, ms, count }: Window, sinceMs: number): void {
    const slowly = Math.min(1, (sinceMs / 1_000) * this.#options.drift)
    this.#meanMs = this.#meanMs === 0 ? ms / count : this.#meanMs + (ms / count - this.#meanMs) * slowly
    if (quickestMs <= this.#restMs) this.#restMs = quickestMs
    else this.#restMs += (quickestMs - this.#restMs) * slowly
    this.#quickAmong *= Math.max(0, 1 - sinceMs / 10_000)
  }

  #grow(now: number): void {
    const inTheWay = now - this.#hitAt < this.#options.windowMs * 5
    if (inTheWay) this.#limit = this.#limit * 1.1 + 1
  }

  #reduce(window: Window, running: number, now: number): void {
    const { quickestMs: ms, quickestAmong: among } = window
    if (this.#cut !== undefined && wasMistaken(this.#cut, window)) {
      // Of calls that differ much in length one window alone says little.
      if (++this.#doubts < this.#options.doubts) return
      this.#restMs = ms
      this.#lift()
      this.#trustFrom = now + this.#mistrustMs
      this.#mistrustMs = Math.min(this.#mistrustMs * 2, this.#options.mostMistrustMs)
      return
    }
    this.#doubts = 0
    this.#cut ??= window
    const wanted = Math.floor((among * this.#queueMs * 0.8) / ms)
    const half = Math.floor(Math.min(this.#limit, running) / 2)
    this.#limit = Math.max(this.#options.least, half, Math.min(wanted, this.#limit))
    this.#hitAt = now
    this.#cutAt = now
  }

  /** All running calls seem to wait for something else: more of them do no harm. */
  #growIfStalled(running: number, now: number): void {
    const stalledMs = Math.max(this.#options.stalledMs, 4 * this.#restMs)
    if (now - this.#lastEndedAt < stalledMs || running < this.#limit) return
    this.#limit *= 2
    this.#lastEndedAt = now - stalledMs + this.#options.windowMs
  }

  #lift(): void {
    this.#limit = Number.POSITIVE_INFINITY
    this.#cut = undefined
    this.#quickAmong = 0
  }
}

/** The number of calls at once changed the rate at which they end, so the method itself has no queue. */
function wasMistaken(cut: Window, now: Window): boolean {
  const calls = Math.log(now.among / now.count / (cut.among / cut.count))
  const rate = calls - Math.log(now.ms / now.count / (cut.ms / cut.count))
  return Math.abs(calls) > 0.16 && rate / calls > 0.5
}
