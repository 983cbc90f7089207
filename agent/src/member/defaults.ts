/** Defaults of a running member. Milliseconds unless said. */
export const memberDefaults = {
  /** A start waits so long for the first answer of the control plane: the answer says whether the membership ended meanwhile. */
  firstAnswerMs: 250,
  /** After a restore members publish their records again within this: 5,000 of them 1,000 a second. */
  tellAgainMs: 5_000,
  /** A better link must answer within this before others are retired. */
  verifyMs: 2_000,
  /** A member that stops gives its calls this long: containers are killed 10 s after SIGTERM, unless said
   * otherwise, and closing lasts 2 s at most. */
  drainMs: 8_000,
  /** It waits this long for the control plane to accept the record without services. */
  withdrawMs: 1_000,
  /** Older than this, a head is worth a warning: it is signed again on demand. */
  oldHeadMs: 24 * 3600_000,
  /** Of texts that come from outside so many characters go into the audit log. */
  auditedChars: 200,
  /** Of the path of a file or a command, which is what such an entry is about. */
  auditedPathChars: 1_000,
  /** Answers of the policy remembered per member (a count): methods of a mesh are few, names from outside are not. */
  rememberedAnswers: 1024,
  /** First and longest pause before a join is tried again that waits for the control plane; half of each is random. */
  joinRetryMinMs: 500,
  joinRetryMaxMs: 30_000,
  /** An enrolled member that is started with another join token waits so long for its redemption, then starts without. */
  rejoinMs: 5_000,
} as const
