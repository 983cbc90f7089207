/** What one link may hold at a time. */
export interface LinkLimits {
  /** Own calls without an answer. */
  readonly outbound: number
  /** The peer's calls whose handler runs or waits for its turn; more are answered `overloaded`. */
  readonly inbound: number
  /** Bytes waiting while the stream takes no more: from here own calls fail `overloaded`, answers shrink to errors. */
  readonly backlogBytes: number
}

export const linkDefaults = {
  /** Own calls in flight: some 2 MB of bookkeeping; at 1 ms a call, 16,000 calls/s on one link need 16. */
  outbound: 16_384,
  /** Handlers at work for one peer: what a Node process serves in well under a second if each takes 1 ms of CPU. */
  inbound: 1_024,
  /** 4 MiB: what a 100 Mbit/s path carries in a third of a second. */
  backlogBytes: 4 * 1024 * 1024,
} as const satisfies LinkLimits

/** A peer that takes no answers is cut off when the waiting answers reach this multiple of `backlogBytes`. */
export const backlogCutFactor = 2

/** ms. A call without a timeout of its own. As gRPC practice: short enough to notice, long enough for a slow handler. */
export const callTimeoutMs = 30_000

/** ms. A ping that nobody answers. The suspicion of a silent path starts earlier (2.5 s). */
export const pingTimeoutMs = 5_000

/** ms per slot of the timer wheel: a deadline fires at most this late, never early. */
export const wheelTickMs = 10

/** Slots of the wheel: one lap is 10.24 s, so the default timeout is looked at three times. A power of two. */
export const wheelSlots = 1_024

/** Slots of a link's table of calls in flight: 8 KB each way; more calls than that work, through a map. A power of two. */
export const idTableSlots = 1_024

/** When handlers run, and how long a request may wait for that. */
export interface TurnOptions {
  /** ms that handlers may take before the process reads what has arrived meanwhile. */
  readonly turnMs: number
  /** ms a request may wait: longer and it is shed. */
  readonly mostWaitMs: number
  /** ms a request may wait once the queue has not been empty for `standingMs`. */
  readonly standingWaitMs: number
  readonly standingMs: number
  /** ms by which the event loop is late: what is read then has waited in the kernel, and its cancel may stand behind it. */
  readonly lateMs: number
}

export const turnDefaults = {
  /** A ping or cancel waits for one turn at most; 20 ms of work for each look at the sockets costs nothing measurable. */
  turnMs: 20,
  /** Longer than a burst of 40 handlers of 5 ms; short enough that the caller can ask another within a second. */
  mostWaitMs: 200,
  /** Half of that: what stands in a queue for good only makes each answer later (the target of CoDel, RFC 8289). */
  standingWaitMs: 100,
  standingMs: 500,
  /** Two ticks of the wheel: less is the ordinary jitter of a busy machine. */
  lateMs: 20,
} as const satisfies TurnOptions
