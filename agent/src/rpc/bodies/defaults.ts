/** Defaults of bodies over the limit of a frame. */
export const bodyDefaults = {
  /** 256 MiB: bodies on their way in a process, both directions: four of the largest by default. */
  heldBytes: 256 * 1024 * 1024,
  /** 1 MiB: hashed at a time, 0.7 ms; then other work has its turn. */
  hashedBytes: 1024 * 1024,
  /** 256 KiB: written at a time, so that little is copied into the layers below at once. */
  writtenBytes: 256 * 1024,
} as const
