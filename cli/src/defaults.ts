/** Every default of the command: value, unit, reason. */
export const commandDefaults = {
  /** Nothing is shown for what takes less, ms: a spinner that only flashes is noise. */
  progressAfterMs: 2_000,
  /** A call from the command line, of a method whose contract says no time, ms: a person waits. */
  callTimeoutMs: 10_000,
  /** Round trips a ping measures. */
  pings: 4,
  /** Between two of them, ms: four round trips should not take seconds. */
  pingGapMs: 100,
  /** A request of completion to the agent, ms: a person who types does not wait. */
  completionMs: 1_000,
  /** Time that a member has to describe its services, ms: the rest is shown without it. */
  describeMs: 3_000,
  /** Time that a member has to tell the timeout of a method that is called, ms: one that answers the call can tell it. */
  contractMs: 1_000,
  /** Members that "services" asks for the methods of what they serve. */
  describingMembers: 16,
  /** Largest request on the local socket, bytes: the largest inline body of a call, with room for JSON. */
  localRequestBytes: 2 * 1024 * 1024,
  /** Raw bytes of the params, at most: in base64 they fit a request on the local socket. */
  bodyBytes: 1024 * 1024,
  /** A line of a stream on the local socket, at most, bytes: the largest result, 256 MiB, in base64. */
  localLineBytes: 384 * 1024 * 1024,
  /** Largest file or standard input that a command reads whole, bytes: a policy, a token, a configuration. */
  inputBytes: 16 * 1024 * 1024,
  /** Largest configuration file, bytes: it has some dozen lines. */
  configBytes: 256 * 1024,
  /** `sockaddr_un` holds 104 bytes on macOS and 108 on Linux, with a NUL. */
  socketPathBytes: 100,
  /** A second Ctrl-C within this time is the same one, ms: terminal and launcher both pass it on. */
  sameSignalMs: 1_000,
  /** Time that running work has to end when a member stops, ms: containers are killed 10 s after SIGTERM. */
  drainMs: 8_000,
  /**
   * A member that starts waits so long for the first answer of the control plane before it says that it is up, ms: its membership
   * may have ended. One that does not run refuses at once.
   */
  answerMs: 3_000,
  /**
   * Garbage of the start is collected when a daemon has used less than 2 % of a core for 20 s (at rest it uses 0.3 %), unless
   * its heap is three times that of an agent at rest.
   */
  collection: { lookMs: 20_000, restingCpuMs: 400, heapBytes: 64 * 1024 * 1024 },
  /** Stopping may take this much longer than draining, ms, then the process ends as it is. */
  stopMs: 7_000,
  /** Where the control plane listens by default. */
  controlPlaneListen: '127.0.0.1:8440',
  /** Where an agent listens by default: any port on all addresses. */
  agentListen: '/ip4/0.0.0.0/tcp/0',
  /** Where the gateway listens, when it does. */
  gatewayListen: '127.0.0.1:8441',
  /** A token of the gateway, ms: a program that is forgotten loses its access. */
  gatewayTokenMs: 90 * 24 * 3_600_000,
  /** Where a relay listens by default. */
  relayListen: '/ip4/0.0.0.0/tcp/4001',
  /** Hosts that are reached without a proxy, regardless of NO_PROXY. */
  neverProxied: 'localhost,127.0.0.0/8,::1',
  /** First UDP port at which a relay answers STUN, the port of RFC 8489; the next one is the second. */
  stunPort: 3478,
  /** Less free space than this is a full disk for doctor, MiB: a page of the map and SQLite's log of it. */
  diskFullMiB: 8,
  /** Less than this is soon full, MiB. */
  diskLowMiB: 128,
  /** A head older than this is worth a warning, ms: it is signed anew on demand. */
  oldHeadMs: 24 * 3_600_000,
  /** How often `status --wait` looks, ms. */
  readyLookMs: 200,
  /** How often `audit tail --follow` looks, ms: people watch, and each look asks the control plane. */
  auditFollowMs: 1_000,
  /** Audit entries in a bug report. */
  reportedEntries: 50,
  /** CloudFormation stack of the control plane. */
  stack: 'AgentMesh',
  /** A stack of secrets is made or changed within this, ms. */
  smallStackMs: 300_000,
  /** A new API may take this long until it answers, ms: its name must be found. */
  smokeTestMs: 60_000,
  /** A table that was just restored or changed is active after some minutes at most, ms; looked at so often. */
  tableActiveMs: 10 * 60_000,
  tableLookMs: 2_000,
} as const
