/** Every default of the page: value, unit, reason. */
export const pageDefaults = {
  /** The one-time address may be opened so long, ms: it stands in the scrollback of a terminal. */
  keyMs: 10 * 60_000,
  /** A session without a request and without a visible tab ends after this, ms. */
  idleMs: 30 * 60_000,
  /** How often the agent of this machine is asked while a tab is visible, ms: a change is to be seen within 2 s. */
  lookMs: 1_000,
  /**
   * The list of the control plane is read once in so many ms for each member of it: 5,000 within 2 s. A read takes it 26 µs of CPU
   * for each member, so that a visible tab takes 7 % of a core.
   */
  listMsPerMember: 0.4,
  /** The same where each read of a member is billed, as on AWS. */
  listMsPerBilledMember: 3,
  /** After a read, the control plane is left alone for so many times as long as that took: others need it. */
  listRest: 4,
  /** And for no longer than this, ms: a machine that slept during a read took hours for it. */
  listRestMostMs: 60_000,
  /** Connections at once: a browser opens six for each tab it loads. */
  connections: 64,
  /** Largest body, bytes: a policy, or params with room for JSON. */
  bodyBytes: 2 * 1024 * 1024,
  /** Largest head, bytes: other programs on 127.0.0.1 may have set cookies that come along. */
  headBytes: 64 * 1024,
  /** The head of a request comes within this, ms. */
  headMs: 10_000,
  /** A whole request comes within this, ms. */
  requestMs: 30_000,
  /** How often connections are looked at for these limits, ms. */
  checkMs: 2_000,
  /** Members that a dry run of a policy names. */
  policyChanges: 100,
  /** Entries of an audit log that are shown. */
  auditEntries: 200,
  /** How often round trips are kept, ms, and for how long. */
  sampleMs: 30_000,
  historyMs: 3_600_000,
  /** An answer of a method that a form calls, ms: a person waits. */
  callMs: 30_000,
} as const
