/** Defaults of what watches links. Milliseconds unless said. */
export const pathDefaults = {
  /** Rings on which an agent watches its successor; more where no relay is known. */
  watched: 3,
  watchedWithoutRelay: 5,
  /** Meshes up to this size: all members watch each other. */
  smallMesh: 8,
  /** The map has been quiet for this long, or changed for so long, before watch links follow it where relays report who is online:
   * a fleet of 50 that joins would else open four links for each that stays, at 30 ms of CPU. */
  watchSettleMs: 2_000,
  watchSettleMaxMs: 20_000,
  /** Longest pause before a watch link that ended is dialled again where relays report who is online: when a relay restarts, calls
   * come first, and 600 circuits of 200 agents behind it cost 20 to 45 ms of CPU each. */
  watchRedialMs: 30_000,
  /** First and longest pause before a watched peer is dialled again. */
  watchRetryMinMs: 500,
  watchRetryMaxMs: 30_000,
  /** Between two pings of a watched link, in the mean: its round trip for `peers`. */
  watchPingMs: 15_000,
  /** How often links with work in flight are looked at: a silent path is suspect within 2.9 s. */
  pathTickMs: 200,
  /** A path with work in flight, or suspect, is probed after this much silence. */
  pathProbeMs: 1_000,
  /** The link to the home relay is probed after this much silence, and like those with work for a while after the last work
   * anywhere. The relay asks each 4 s, so at rest the agent seldom has to. */
  relayProbeMs: 5_000,
  /** The same for the standby relay: it is needed when the home fails, and is probed sooner then. */
  standbyProbeMs: 15_000,
  /** Where there is no relay, an agent asks those it watches after this much silence: with `pathSuspectMs` a host that lost
   * power is offline within 7 s. */
  peerProbeMs: 4_000,
  /**
   * Silence after which links on which each byte costs are probed: to the home relay, and to the standby relay. libp2p resets a
   * connection that is silent for 2 min, and a new one costs 26 kB.
   */
  meteredHomeMs: 37_500,
  meteredStandbyMs: 90_000,
  /** Such a link to a watched agent is pinged when it is looked at after this much silence: `watchPingMs` later at most by a quarter more. */
  meteredPingMs: 60_000,
  activeMs: 10_000,
  /** Silence that makes a path suspect while another is: what ends one, a new address say, often ends all. */
  jointSuspectMs: 1_000,
  /** Silence that makes a path suspect: a SYN lost twice, or a garbage collection of a large heap, is shorter. */
  pathSuspectMs: 2_500,
  /** Silence that ends the streams of a path: their programs can open them anew at once, and cannot see the silence. */
  streamLostMs: 3_000,
  /** Silence that ends a path: a blocked event loop of the peer may last 10 s. */
  pathLostMs: 15_000,
  /** The own event loop is late by more than this: silence is measured anew. */
  lateMs: 500,
  /** Circuits that are opened anew at the same time when their relay leaves (a count): 25 ms of CPU each. */
  circuitMoves: 4,
  /** A circuit is opened anew within this after its relay said that it leaves, or retires; the relay drains for 8 s by default. */
  circuitMoveMs: 4_000,
  /** New work on such a circuit waits so long for another link, once; without it 99 of 100 calls would wait for less than 1 s. */
  successorMs: 500,
  /** Between two tries of that. */
  circuitMoveRetryMs: 250,
  /** After GOING_AWAY the peer closes its side of a link within this, or the link is cut. */
  closeMs: 1_000,
  /** How often a link that retires is asked whether it still carries circuits or pipes. */
  carriedCheckMs: 100,
  /** Calls, pipes and circuits on a link whose peer's credential ran out have this long to end. */
  expiredDrainMs: 3_600_000,
  /** How often links are looked at whose peer's credential may have run out: it lives for days. */
  expirySweepMs: 60_000,
  /** How often the addresses that worked are written to disk, if they changed. */
  saveAddressesMs: 60_000,
} as const
