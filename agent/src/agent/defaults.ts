/** Defaults of what only an agent does. Milliseconds unless said. */
export const agentDefaults = {
  /** Until a map stream that ended is opened again, if there is a link to its relay. */
  mapReopenMs: 1_000,
  /** First and longest pause between polls of the control plane while no relay is reachable (design 4a: 60 s). */
  pollMinMs: 1_000,
  pollMaxMs: 60_000,
  /** How often it is checked whether a relay still keeps the map current. */
  pollCheckMs: 5_000,
  /** Between two reports of load to the home relay, and by how many percent (a count) it must have moved: 600 bytes a minute at most. */
  loadReportMs: 10_000,
  loadReportPercent: 5,
  /** The failure of a dial that had less time than this does not count against the member. */
  doubtDialMs: 1_000,
  /** The record of a member that starts lists its home relay once it has one: so long after it was signed a way is waited for. */
  awaitWayMs: 5_000,
  /** Until a listener learns that a linked member, which its relay reports offline, is still heard. */
  eventRecheckMs: 1_000,
  /** Between two measurements of the round trip to the relays held where each byte costs: 340 bytes each. */
  meteredMeasureMs: 600_000,
  /** The record lists other round trips to the home relays when one is so many times longer or shorter, by so many ms at least, and
   * so seldom for that alone: a record of 1.4 kB is sent to all members. Regions are 20 ms and more apart, a busy process is as late. */
  homeRttStep: 1.5,
  homeRttStepMs: 20,
  homeRttEveryMs: 900_000,
  /** The same for the first time after the home relays changed, then twice as long each time: a start measures what keeps it busy, too. */
  homeRttFirstMs: 30_000,
  /** An address announced on the LAN is valid for this long: three announcements. */
  lanSeenMs: 180_000,
  /** Members announced there that are remembered (a count). */
  lanPeers: 1_024,
  /** Dials at the same time, in a row, and between two after that: a hostile LAN costs a handshake each second. */
  lanDials: 4,
  lanDialBurst: 16,
  lanDialMs: 1_000,
  /** First and longest pause before one that was not reached is dialled again. */
  lanRetryMinMs: 1_000,
  lanRetryMaxMs: 5 * 60_000,
  /** An agent that the policy does not let hear of invalidations looks again after this, with its next call that caches. */
  askInvalidationsMs: 30_000,
} as const
