/** Defaults of pipes. Times in milliseconds. */
export const pipeDefaults = {
  /** From the opening of a pipe to its request: one message on a link that stands. */
  requestMs: 10_000,
  /** A TCP port of this machine or its network must have answered by then. */
  dialMs: 10_000,
  /** A refused peer reads why within this; then its place is free. */
  refusedMs: 5_000,
} as const

/** Of the bytes of all pipes of a link that are on their way: four windows of yamux, and a ping for each half of one. */
export const pipeWindow = { maxBytes: 4 * 1024 * 1024, maxPartBytes: 512 * 1024 } as const
