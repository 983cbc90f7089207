/** Defaults of transfers. Times in milliseconds. */
export const transferDefaults = {
  /** An offer without a reader is withdrawn: long enough for a receiver that changes networks or waits for its disk. */
  idleMs: 10 * 60_000,
  /** A receiver gives up when no block came for so long: two restarts of a relay. */
  patienceMs: 60_000,
  /** One try to reach the sender. */
  openMs: 20_000,
  /** First and longest pause between tries. */
  pauseMs: 200,
  mostPauseMs: 5_000,
  /** Offers of a process: each holds some KiB, and what it reads from stays open to it. */
  offers: 1_024,
  /** Blocks of a source that can be read only once, kept until the receiver has them: 8 MiB, what a path of 1 Gbit/s and 64 ms holds. */
  keptBlocks: 8,
} as const
