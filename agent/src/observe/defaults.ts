/** Defaults of the audit file of a process. */
export const auditDefaults = {
  /** A file is rotated before it is larger, bytes, and so many rotated files are kept: 36 MiB, some 80,000 entries. */
  fileBytes: 4 * 1024 * 1024,
  keptFiles: 8,
  /** The same thing again within this time, ms, is counted: with `floodKeys` 256 KiB of entries an hour at the most. */
  floodMs: 10 * 60_000,
  /** Different things counted within that time; more are summed up. One actor has half of them at the most. */
  floodKeys: 64,
  /** Of the other half, what each actor can have. */
  floodKeysOfOne: 8,
  /** Acts of one member that are entries of their own, at once: a copy of as many files. More are counted as floods are. */
  ownEntries: 1_000,
  /** And so many an hour: with what is counted, a loop needs a week to rotate the log out. */
  ownEntriesPerHour: 60,
  /** Members whose acts are remembered for that: those that acted last. */
  ownMembers: 1_000,
  /** Until a file that could not be written is tried again, ms. */
  retryMs: 30_000,
  /** Entries that wait for the disk; more drop the oldest of the actor that has most, and how many were is written down. */
  waiting: 1_000,
  /** Entries of one write. */
  batch: 256,
} as const

export type AuditOptions = Record<keyof typeof auditDefaults, number>

/** ms between two looks at the delay of the event loop, for its metric: each look wakes a process at rest. */
export const loopDelayResolutionMs = 250

/** ms between two looks for OpenTelemetry by a member that calls, until the program has set it up. */
export const tracingLookMs = 1_000

/** Defaults of the watch on the clock of the machine. Milliseconds. */
export const clockDefaults = {
  /** Between two looks: a clock that was set is noticed within. */
  lookMs: 2_000,
  /** Less than this between two looks is no step: time servers correct small errors without one. */
  stepMs: 5_000,
} as const
