import { limitDefaults, type LimitOptions } from './defaults.ts'

/** What the calls that ended within a window were like. */
interface Window {
  readonly startedAt: number
  count: number
  /** ms of the quickest, and how many ran when it began. */
  quickestMs: number
  quickestAmong: number
  /** Sums over all of them: of their ms, and of the squares of these. */
  ms: number
  squares: number
}

/**
 * How many calls of one method may run at once, found out by watching them. Pure arithmetic: times are passed in.
 *
 * Nothing is limited until a queue stands behind the method: a queue, as in CoDel (RFC 8289), is when even the quickest call of a window
 * took much longer than the quickest at rest, and than the mean there. Calls of very different length, or long-polling ones, have quick
 * ones among them or were always slow. Below capacity chance makes queues too, longer ones the more the calls differ in length: after
 * Pollaczek and Khinchine their length grows with the mean square of the times over the square of their mean. Only a longer one counts.
 * Then, by Little's law, the rate of calls is `calls at once / ms`, and the limit is what this rate needs for calls that take about as
 * long as at the onset of a queue. From there it is AIMD, one change for the calls that began since the last: up by a tenth when it was
 * in the way and no queue stands, down when one does. If far fewer calls at once are no quicker, the method itself has become slower:
 * that is its time at rest then.
 */
export class ConcurrencyLimit {
  readonly #options: LimitOptions
  #limit = Number.POSITIVE_INFINITY
  #restMs = Number.POSITIVE_INFINITY
  /** Of all calls at rest: the mean of their ms, and of the squares of these. */
  #meanMs = 0
  #meanSquare = 0
  /** Windows that these means are of. */
  #rests = 0
  #window: Window | undefined
  /** Mean ms of the last window, whatever it was like. */
  #lastMs = 0
  /** What the limit was cut for with the most calls at once. */
  #cut: Window | undefined
  /** The most calls at once among which one was still quick; forgotten over 10 s. */
  #quickAmong = 0
  /** Calls that began before the last change of the limit say nothing about it. */
  #changedAt = 0
  #lastEndedAt = 0
  /** When the limit was last in the way. */
  #hitAt = Number.NEGATIVE_INFINITY
  #judgedAt = 0
  /** Since when the limit is the least one. */
  #leastFrom = 0
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
    if (now - this.#hitAt > this.#options.calmMs) this.#lift()
    this.#hitAt = now
    this.#growIfStalled(running, now)
    return running < this.#limit
  }

  /** A call ended after `ms`. `among` calls ran when it began, `running` do now, both with it. */
  ended(among: number, ms: number, running: number, now: number): void {
    this.#lastEndedAt = now
    if (among > this.#quickAmong && ms <= this.#queueMs) this.#quickAmong = among
    if (now - ms < this.#changedAt) return
    const window = (this.#window ??= {
      startedAt: now,
      count: 0,
      quickestMs: Number.POSITIVE_INFINITY,
      quickestAmong: 0,
      ms: 0,
      squares: 0,
    })
    window.count++
    window.ms += ms
    window.squares += ms * ms
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
    this.#lastMs = window.ms / window.count
    if (this.#limit !== Number.POSITIVE_INFINITY && now - this.#hitAt > this.#options.calmMs) this.#lift()
    if (!this.#isQueue(window, running, now)) {
      this.#learn(window, sinceMs)
      if (this.#limit !== Number.POSITIVE_INFINITY) this.#grow(now)
      this.#doubts = 0
    } else {
      this.#reduce(window, running, now)
    }
  }

  #isQueue({ quickestMs, quickestAmong }: Window, running: number, now: number): boolean {
    const { least, waiterMs, chance } = this.#options
    if (quickestMs <= this.#queueMs || quickestMs > waiterMs) return false
    if (this.#limit !== Number.POSITIVE_INFINITY) return true
    // The first limit: calls are slow only with more at once than were ever quick, and more calls arrive than end.
    if (now < this.#trustFrom || quickestAmong < 2 * least || quickestAmong <= this.#quickAmong) return false
    return running > Math.max(quickestAmong * 1.1, this.#quickAmong + chance * this.#spread)
  }

  /** The quickest call of a window at rest takes at most so many ms. */
  get #quickMs(): number {
    return this.#restMs * this.#options.growth + this.#options.slackMs
  }

  /** ms from which on the quickest call of a window says that a queue stands. */
  get #queueMs(): number {
    return Math.max(this.#quickMs, this.#meanMs * this.#options.growth)
  }

  /** How much calls at rest differ in length: 1 when they do not, more without bound. */
  get #spread(): number {
    return this.#meanMs === 0 ? 1 : this.#meanSquare / this.#meanMs ** 2
  }

  /** The time at rest: down at once, up slowly, so that a method that has become slower is not limited from then on. */
  #learn({ quickestMs, ms, squares, count }: Window, sinceMs: number): void {
    const slowly = Math.min(1, (sinceMs / 1_000) * this.#options.drift)
    if (quickestMs <= this.#quickMs) {
      // The first windows weigh the same: the calls that end first are the short ones.
      const part = Math.max(slowly, 1 / ++this.#rests)
      this.#meanMs += (ms / count - this.#meanMs) * part
      this.#meanSquare += (squares / count - this.#meanSquare) * part
    }
    if (quickestMs <= this.#restMs) this.#restMs = quickestMs
    if (this.#limit !== Number.POSITIVE_INFINITY) return
    this.#restMs += (quickestMs - this.#restMs) * slowly
    this.#quickAmong *= Math.max(0, 1 - sinceMs / 10_000)
  }

  #grow(now: number): void {
    const inTheWay = now - this.#hitAt < this.#options.windowMs * 5
    if (!inTheWay) return
    this.#limit = this.#limit * 1.1 + 1
    this.#changedAt = now
  }

  #reduce(window: Window, running: number, now: number): void {
    const { quickestMs: ms, quickestAmong: among } = window
    const { least, leastForMs } = this.#options
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
    // It is not cut further, and what it was cut for may have been chance.
    if (this.#limit === least && now - this.#leastFrom > leastForMs) return this.#lift()
    if (this.#cut === undefined || among > this.#cut.quickestAmong) this.#cut = window
    const wanted = Math.floor((among * this.#queueMs * 0.65) / ms)
    const half = Math.floor(Math.min(this.#limit, running) / 2)
    if (this.#limit > least) this.#leastFrom = now
    this.#limit = Math.max(least, half, Math.min(wanted, this.#limit))
    this.#hitAt = now
    this.#changedAt = now
  }

  /** All running calls seem to wait for something else: more of them do no harm. Long calls may hold all places of a pool for a while. */
  #growIfStalled(running: number, now: number): void {
    const { waiterMs, stalledMs: least } = this.#options
    const stalledMs = Math.max(least, this.#lastMs, Math.min(waiterMs / 2, 2 * this.#meanMs * this.#spread))
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

/** Far fewer calls at once are not much quicker, so the method itself has no queue. */
function wasMistaken(cut: Window, now: Window): boolean {
  const calls = Math.log(now.quickestAmong / cut.quickestAmong)
  const ms = Math.log(now.quickestMs / cut.quickestMs)
  return calls < -0.4 && ms / calls < 0.4
}
