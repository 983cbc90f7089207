/** How the limit of a method is found, and how long a call may wait for room below it. */
export interface LimitOptions {
  /** Calls at once that are never cut further. */
  readonly least: number
  /** ms with this limit: then it is lifted, to look again. */
  readonly leastForMs: number
  /** A window of calls that ended: at least this long, ms, and this many. */
  readonly windowMs: number
  readonly windowCalls: number
  /** A queue stands when the quickest call of a window took longer than `growth` times the mean at rest, and than `growth` times the
   * quickest at rest plus `slackMs`. */
  readonly growth: number
  readonly slackMs: number
  /** Calls that wait behind a method by chance, if all take the same time: more are needed for the first limit. */
  readonly chance: number
  /** ms. Calls of which even the quickest take longer wait for something: that is no queue. */
  readonly waiterMs: number
  /** Part of the difference by which the time at rest follows slower calls, a second. */
  readonly drift: number
  /** ms without a call that met the limit: then it is lifted. */
  readonly calmMs: number
  /** ms without an end of any call, at least: then those that run wait for something. */
  readonly stalledMs: number
  /** Windows in a row that must say that a limit was a mistake. */
  readonly doubts: number
  /** ms without a limit after one that was a mistake; doubles with each mistake, up to the most. */
  readonly mistrustMs: number
  readonly mostMistrustMs: number
  /** ms that a call may wait for room. */
  readonly mostWaitMs: number
  /** ms between looks at what waits. */
  readonly tickMs: number
}

export const limitDefaults = {
  least: 4,
  leastForMs: 60_000,
  /** One turn of handlers, and enough calls that one that happens to be quick is among them. */
  windowMs: 20,
  windowCalls: 8,
  growth: 1.5,
  /** The jitter of a busy machine. */
  slackMs: 5,
  /** At 80 % of the capacity a queue is longer once in 100 times (e^-5). */
  chance: 12,
  waiterMs: 2_000,
  drift: 0.05,
  calmMs: 1_500,
  stalledMs: 50,
  doubts: 4,
  mistrustMs: 30_000,
  mostMistrustMs: 3_600_000,
  /** With a handler of 50 ms that takes twice as long at the limit an answer comes within some 200 ms. */
  mostWaitMs: 80,
  tickMs: 20,
} as const satisfies LimitOptions

/** How the load of services is measured. */
export const loadDefaults = {
  /** Means are taken over so many ms: autoscalers look each 15 s. */
  windowMs: 60_000,
  /** The service that every member serves: it has no load of its own. */
  without: 'host',
} as const
