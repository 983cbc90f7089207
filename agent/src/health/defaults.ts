/** Defaults of checks and of what a member does to recover. Milliseconds unless said. */
export const healthDefaults = {
  /**
   * Between two looks of the one timer that all checks share, where the program has checks of its own, and where it has none: to wake a
   * process that rests costs 1 ms of CPU, so each second would be a third of what a resting agent may use.
   */
  beatMs: 1_000,
  restBeatMs: 3_000,
  /** Of a check of the program. */
  everyMs: 10_000,
  timeoutMs: 1_000,
  /** Results in a row that make a check fail, and pass again (counts): one lost packet is no failure. */
  failAfter: 3,
  passAfter: 2,
  /** More changes than this (a count) within the window: the check is damped, its bad state stays. */
  dampAfter: 6,
  dampWindowMs: 10 * 60_000,
  /** A timer that fires so much after its time says that the own event loop was blocked: the answer may lie unread. */
  lateMs: 250,
  /** Checks of one process, a count. */
  checks: 64,
  /** Characters of a reason: it comes from the program, and is shown in `status`. */
  reasonChars: 200,
  /** A block of the event loop that is worth an act: peers suspect a path after as much. How long the check remembers the longest. */
  blockedMs: 2_500,
  blockedWindowMs: 60_000,
  /** Free space of the data folder below which `disk` warns, bytes: `doctor` warns at the same. */
  diskLowBytes: 128 * 1024 * 1024,
  /** Free space is read so often. */
  diskLookMs: 10_000,
  /** Share of the memory limit above which new calls are shed; they are accepted again when so much less is in use. */
  shedAbove: 0.9,
  shedUntil: 0.1,
  /** So many looks in a row must be above (a count): a heap that is full of garbage is collected within. */
  shedLooks: 3,
  /** Of the time while calls are shed, 1 in so many parts is spent on collections (a count): one stops the process for 1 s per GB in use. */
  collectOneIn: 20,
  /** The control plane is expected to be unreachable for so long in an update. */
  unreachableMs: 60_000,
} as const
