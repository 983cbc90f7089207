/** Every default of an upgrade: value, unit, reason. */
export const upgradeDefaults = {
  /** The new program has this long until it is ready, ms: as a start by the service manager has. */
  readyMs: 60_000,
  /** SHA256SUMS has a dozen lines, bytes. */
  checksumsBytes: 64 * 1024,
  /** A download, bytes: a release has at most 50 MB. */
  downloadBytes: 128 * 1024 * 1024,
  /** What it unpacks to, bytes: a release has at most 130 MB. */
  programBytes: 512 * 1024 * 1024,
  /** SHA256SUMS arrives within this, ms; the program, 45 MB, over 1 Mbit/s takes 6 minutes. */
  checksumsMs: 30_000,
  downloadMs: 30 * 60_000,
  /** A server that sends nothing for so long has failed, ms. */
  silenceMs: 60_000,
  /** Places of releases redirect once or twice: to their newest release, and to where the files are. */
  redirects: 5,
  /** A program says its version within this, ms: at its first start it unpacks itself. */
  versionMs: 60_000,
  /** A service that its manager calls failed at so many looks, each after so many ms, will not get ready. */
  failedLooks: 4,
  failedLookMs: 500,
} as const
