/** The numbers of the demo: value, unit, reason. */
export const demoDefaults = {
  relays: ['relay-1', 'relay-2'],
  /** The last one dials relays alone, so that a relayed path is seen even on one machine. */
  agents: ['ada', 'ben', 'cleo', 'dan', 'eve'],
  relayedAgent: 'eve',
  /** These listen nowhere, as agents behind NAT: they meet over a relay and find a better path from there. */
  hiddenAgents: ['cleo', 'dan'],
  /** Until they have found it, ms: an attempt takes 6 s at most, the second begins 1 s later, the third 5 s. */
  upgradeMs: 40_000,
  /** Between two looks at the path between them, ms. */
  followMs: 20,
  /** A process may take this long to be ready, ms: five of them start at once, perhaps on a busy machine. */
  readyMs: 60_000,
  /** All agents know all members within this, ms. */
  convergeMs: 30_000,
  /** Between two looks at a condition, ms. */
  pollMs: 100,
  /** Each call has to answer within this, ms. */
  callMs: 5_000,
  /** A process that was asked to stop is killed after this, ms. */
  stopMs: 4_000,
  /** Between two rounds of the live table, ms. */
  roundMs: 2_000,
  /** Kept of the stderr of a process. */
  complaintChars: 2_000,
} as const
