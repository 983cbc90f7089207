/** Defaults of discovery. Milliseconds unless said. */
export const defaults = {
  /** One HTTP request to the control plane: a cold Lambda answers in < 2 s. */
  requestTimeoutMs: 10_000,
  /** Tries of an idempotent request before its caller hears of it. */
  requestTries: 3,
  /** First and longest pause between tries, with jitter. */
  retryMinMs: 200,
  retryMaxMs: 30_000,
  /** Reply bodies over this are refused: a map page of 1 MiB and room for its envelope. */
  replyBytes: 4 * 1024 * 1024,
  /** Record changes within this time are published as one. */
  publishDelayMs: 50,
  /** How often the age of the credential is looked at; renewal is retried at this pace. */
  renewCheckMs: 3_600_000,
  /** The same while an authority key is revoked that signed the own credential: without a new one nobody admits this member. */
  renewRevokedMs: 5_000,
} as const
