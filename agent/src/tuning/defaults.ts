/** Defaults of tuning. Milliseconds unless said. */
export const tuningDefaults = {
  /** Calls are judged in windows of this: at 10 calls a second a window has the 100 that make its p99 more than one call. */
  windowMs: 10_000,
  /** Calls of a window (a count) whose p99 counts; a window with fewer is left out. */
  leastCalls: 100,
  /** A window that lasts longer had a rest in it, and is left out. */
  mostWindowMs: 20_000,
  /** Windows before a change whose median p99 is what it is compared with, a count: one garbage collection does not decide. */
  windowsBefore: 3,
  /** A change is rolled back when the p99 is worse by more than this factor... */
  worseFactor: 1.1,
  /** ...for so long. */
  worseMs: 30_000,
  /** A change that was not worse for so long at its end is kept. */
  trialMs: 60_000,
  /** A trial that no window of calls has judged for so long ends: the load has ended, and memory of a larger cache would stay. */
  unjudgedMs: 60_000,
  /** After a rollback the setting rests, twice as long each time: what was worse once is so again under the same load. */
  restMs: 600_000,
  mostRestMs: 86_400_000,
  /** Changes that are remembered, a count. */
  changes: 32,
} as const

/** What a setting must gain in the shadow before it is tried. */
export const gainDefaults = {
  /** Shares of the answers after which a second try may go out. */
  hedgeShares: [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98],
  /** Latencies of a method that say something about its p99, a count. */
  hedgeLatencies: 200,
  /** The p99 must become this part of what it is: one bucket of the latencies is a quarter. */
  hedgeFactor: 0.8,
  /** Bodies that were compressed in the shadow, a count. */
  compressedBodies: 20,
  /** The bytes that compression saves must take so many times the processor time of both ends. */
  compressionFactor: 2,
  /** Decompressing takes at most as long as compressing: both ends take so many times that, a count. */
  compressionEnds: 2,
  /** Questions that a shadow of the cache answers before it counts, and those it counts, counts. */
  cacheWarmUp: 1_000,
  cacheQuestions: 3_000,
  /** Share of the questions: a larger room, or another admission, must answer so many more from the cache. */
  cacheGain: 0.02,
  /** Share of the questions that a smaller room may lose: memory comes back. */
  cacheLoss: 0.001,
  /** A shadow has a key of so many at most (a count): 1 % of the memory of the cache, for each of four shadows. */
  cacheSampled: 32,
  /** Bytes of room for each sampled key of so many: a smaller cache is sampled more. */
  cacheSampleBytes: 256 * 1024,
} as const
