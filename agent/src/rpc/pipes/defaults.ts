/** Defaults of pipes. Times in milliseconds. */
export const pipeDefaults = {
  /** From the opening of a pipe to its request: one message on a link that stands. */
  requestMs: 10_000,
  /** A TCP port of this machine or its network must have answered by then. */
  dialMs: 10_000,
  /** A refused peer reads why within this; then its place is free. */
  refusedMs: 5_000,
} as const
