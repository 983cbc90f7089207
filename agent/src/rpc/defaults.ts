/** What one link may hold at a time. */
export interface LinkLimits {
  /** Own calls without an answer. */
  readonly outbound: number
  /** The peer's calls whose handler runs or waits for its turn; more are answered `overloaded`. */
  readonly inbound: number
  /** The peer's streams whose handler runs or waits for its turn; more are answered `overloaded`. */
  readonly streams: number
  /**
   * Bytes of own calls, answers and requests of the peer that wait: beyond them own calls and requests are refused as
   * `overloaded`, and answers wait for room.
   */
  readonly heldBytes: number
  /** Bytes of windows that the readers of its streams allot. */
  readonly streamBytes: number
}

export const linkDefaults = {
  /** Own calls in flight: some 2 MB of bookkeeping; at 1 ms a call, 16,000 calls/s on one link need 16. */
  outbound: 16_384,
  /** Handlers at work for one peer: what a Node process serves in well under a second if each takes 1 ms of CPU. */
  inbound: 1_024,
  /** Streams of one peer, beside its calls: most of them wait for an event. */
  streams: 1_024,
  /** 16 MiB: what a 100 Mbit/s path carries in 1.3 s; sixteen of the largest bodies. */
  heldBytes: 16 * 1024 * 1024,
  /** 16 MiB: four of the largest windows. */
  streamBytes: 16 * 1024 * 1024,
} as const satisfies LinkLimits

/** 128 MiB: what waits on all links of a process: eight links at their limit. */
export const processHeldBytes = 128 * 1024 * 1024

/** 128 MiB: windows of the streams of a process: eight links at their limit. */
export const processStreamBytes = 128 * 1024 * 1024

/** Requests with a body up to this many bytes are not counted: as many as may run on a link hold 1 MiB. */
export const uncountedBytes = 1024

/** Bytes of control frames and errors that a peer does not take; beyond them nothing more is read from it. */
export const unreadBytes = 256 * 1024

/** A body beyond this is sent in parts. 16 KiB: one TLS record, and 1.3 ms of a 100 Mbit/s path. */
export const partBytes = 16 * 1024

/** Frames that take turns in parts; more wait for one of them: each holds memory at the reader until it is complete. */
export const turnsAtATime = 4

/** How many bytes of parts may be on their way without being read: see send-window.ts. */
export const windowDefaults = {
  /** 16 KiB at first: 131 ms of a 1 Mbit/s path. It doubles with each round trip that shows no queue. */
  startBytes: 16 * 1024,
  /** 8 KiB: two of the smallest parts, so that the path does not rest while the first is acknowledged. */
  minBytes: 8 * 1024,
  /** 1 MiB: the window that yamux grants a stream in any case. */
  maxBytes: 1024 * 1024,
  /** Smallest part, 4 KiB: 33 ms of a 1 Mbit/s path, which a ping may have to wait for. */
  minPartBytes: 4 * 1024,
  /** Largest part, 128 KiB: an eighth of the largest window, so that a fast path acknowledges eight of them in a round trip. */
  maxPartBytes: 128 * 1024,
  /** ms that own parts may add to the round trip: half of the 200 ms within which a ping beside them is answered. */
  targetMs: 100,
  /** ms. After this much rest the path may have changed: the window starts anew. */
  restMs: 5_000,
  /** ms. The shortest round trip is forgotten after one to two of these; in each a ping measures the empty path. */
  baseMs: 60_000,
  /** Parts of a window below 64 KiB are sent this much faster than they were acknowledged, so that the window remains the limit. */
  paceGain: 1.25,
  /** ms. A part that is late by up to this, as a tick of the wheel may be, does not delay the next ones. */
  paceLateMs: 20,
} as const

/** How the rate of a path is measured: see path-rate.ts. */
export const rateDefaults = {
  /** ms that the own parts wait at least: a full window of 1 MiB makes that much at 335 Mbit/s, the scheduler of a busy machine seldom. */
  queueMs: 25,
  /** How much the last measurement counts: four of them follow a path that has changed. */
  gain: 0.25,
} as const

/** When bodies are compressed: see compression.ts. */
export const compressionDefaults = {
  /** 25,000 bytes a ms are 200 Mbit/s: above, compressing and decompressing take as long as the bytes that they save. */
  slowBytesPerMs: 25_000,
  /** In the shadow one body of so many (a count) is compressed: some 2 us for each. */
  shadowed: 16,
} as const

/** ms. A call without a timeout of its own. As gRPC practice: short enough to notice, long enough for a slow handler. */
export const callTimeoutMs = 30_000

/** ms. A ping without an answer. The suspicion of a silent path starts earlier (2.5 s). */
export const pingTimeoutMs = 5_000

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
