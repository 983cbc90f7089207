/** Relays that a relay keeps links to (counts): design 5a bounds the links of a relay to about 16 and 2 a region. */
export const neighbourCounts = { ownRegion: 16, eachOther: 2 } as const

/**
 * How long changes of the map and of who is homed here are gathered before they are pushed, ms: 50 to 300. A push costs some
 * 20 us of CPU a follower, so pushes to 1,000 followers that return cost a tenth of a core; a change still reaches all in < 1 s.
 */
export const gatherMs = (followers: number): number => Math.min(300, 50 + followers / 4)

/** Defaults of the relay. Milliseconds unless said. */
export const relayDefaults = {
  /** First and longest pause before the watch is opened again, with jitter. */
  watchRetryMinMs: 250,
  watchRetryMaxMs: 30_000,
  /** A server that accepts the connection and sends nothing by then counts as unavailable. */
  watchHandshakeMs: 10_000,
  /** The server pings each 5 min; two missed pings and the connection is dead. */
  watchSilenceMs: 11 * 60_000,
  /** Poll of the map beside the watch: repairs what a push missed (design 4a). */
  pollMs: 60_000,
  /** Reports on change are this far apart, else each `reportIdleMs`: the lease lives 300 s. */
  reportMinMs: 5_000,
  reportIdleMs: 120_000,
  /**
   * How often a relay looks whether the health of its agents has moved, and by how many percent (a count) the saturation of a
   * service must have: a mesh at rest sends no report more, and one under load at most four times as many.
   */
  reportLoadMs: 30_000,
  reportLoadPercent: 10,
  /** A head that is only younger is pushed so seldom: its age is a warning after a day, and each minute it would cost 2.4 kB. */
  youngerHeadMs: 10 * 60_000,
  /** Pushes of presence that a slow follower may lag behind (a count) before it is sent all agents anew. */
  presenceSteps: 256,
  /** A map stream at which nothing changed gets a sign of life so often: 100 bytes, so that silence says that it is stuck. */
  mapBeatMs: 60_000,
  /** Pages of the map that are kept for followers at the same cursor (a count), 2 MiB each at most. */
  sharedPages: 8,
  /** A homed agent is asked for a sign of life after this much silence, and offline when it owes one for 2.5 s: a host that lost
   * power is offline within 7 s, for 4 kB a minute and agent. */
  agentProbeMs: 4_000,
  /** After a failed report. */
  reportRetryMs: 5_000,
} as const
