/** Bytes that a reader of streams allots to each: see window.ts. */
export const streamDefaults = {
  /** 64 KiB at first: what a path of 10 Mbit/s and 50 ms holds; a reader that asks for messages one by one needs no more. */
  firstBytes: 64 * 1024,
  /** 2 KiB: what is left for a stream that opens beside a thousand others. */
  minBytes: 2 * 1024,
  /** 1/256 of what is free at most for a new one: so a thousand streams find room on one link, and no few of them take all of it. */
  firstShare: 256,
  /** 4 MiB at most: 100 Mbit/s over 300 ms. */
  mostBytes: 4 * 1024 * 1024,
  /** ms. A turn of a busy process: credit takes as long at least, however short the path is. */
  turnMs: 20,
  /** A quarter of what is free at most for one that grows. */
  growShare: 4,
} as const

/** Payload for which a sender waits rather than cutting a message smaller: with its cost less than half of the smallest window. */
export const leastPieceBytes = 512

/** Messages that a stream sends before the process looks at its sockets and timers again: of 100 bytes, one write. */
export const burstMessages = 384
