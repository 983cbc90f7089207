/** The member that gave an answer; stored with the answer. */
export interface AnswerOrigin {
  /** undefined: any one of the members that serve the method. */
  readonly peerId: string | undefined
  /** Of its enrolment; undefined where that is not known. */
  readonly serial: string | undefined
  /** Number of the list of revocations that was in force. */
  readonly revocations: number
}

/** Whether answers that are kept may be used: asked for each call, before the cache is looked at. */
export interface AnswerGuard {
  /** Whether this member may call a target like `service:math.add` now, by the policy and the revocations that it knows. */
  allows(target: string): boolean
  originOf(peerId: string | undefined): AnswerOrigin
  /** Whether a member's answer still counts: it was not revoked since. */
  trusts(origin: AnswerOrigin): boolean
}
