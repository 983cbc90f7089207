/** Defaults of a running member. Milliseconds unless said. */
export const defaults = {
  /** Until a map stream that ended is opened again, if there is a link to its relay. */
  mapReopenMs: 1_000,
  /** First and longest pause between polls of the control plane while no relay is reachable (design 4a: 60 s). */
  pollMinMs: 1_000,
  pollMaxMs: 60_000,
  /** After a restore members tell the control plane their records again, within this: 5,000 of them 1,000 a second. */
  tellAgainMs: 5_000,
  /** How often it is looked whether a relay still keeps the map current. */
  pollCheckMs: 5_000,
  /** Rings on which an agent watches its successor; more where no relay is known. */
  watched: 3,
  watchedWithoutRelay: 5,
  /** Meshes up to this size: everybody watches everybody. */
  smallMesh: 8,
  /** The map has been quiet for this long, or changed for so long, before watch links follow it where relays report who is online:
   * a fleet of 50 that joins would else open four links for each that stays, at 30 ms of CPU. */
  watchSettleMs: 2_000,
  watchSettleMaxMs: 20_000,
  /** Longest pause before a watch link that ended is dialled again where relays report who is online: when a relay restarts, calls
   * come first, and 600 circuits of 200 agents behind it cost 45 ms of CPU each. */
  watchRedialMs: 30_000,
  /** First and longest pause before a watched peer is dialled again. */
  watchRetryMinMs: 500,
  watchRetryMaxMs: 30_000,
  /** Between two pings of a watched link: its round trip for `peers`. Six such links cost 6 kB a minute. */
  watchPingMs: 15_000,
  /** How often links with work in flight are looked at: a silent path is suspect within 2.9 s. */
  pathTickMs: 200,
  /** A path with work in flight, or suspect, is probed after this much silence. */
  pathProbeMs: 1_000,
  /** The link to the home relay is probed after this much silence, and like those with work for a while after the last work
   * anywhere. The relay asks each 4 s, so at rest the agent seldom has to. */
  relayProbeMs: 5_000,
  /** The same for the standby relay: it is needed when the home is gone, and is asked sooner then. */
  standbyProbeMs: 15_000,
  /** Where there is no relay, an agent asks those it watches after this much silence: with `pathSuspectMs` a host that lost
   * power is offline within 7 s. */
  peerProbeMs: 4_000,
  activeMs: 10_000,
  /** Silence that makes a path suspect while another is: what ends one, a new address say, often ends all. */
  jointSuspectMs: 1_000,
  /** Silence that makes a path suspect: a SYN lost twice, or a garbage collection of a large heap, is shorter. */
  pathSuspectMs: 2_500,
  /** Silence that ends a path: a blocked event loop of the peer may last 10 s. */
  pathLostMs: 15_000,
  /** The own event loop is late by more than this: silence is measured anew. */
  lateMs: 500,
  /** A member that was not reached, or fell silent, is doubted for this long; twice as long each time in a row, up to the most. */
  doubtMs: 5_000,
  doubtMostMs: 60_000,
  /** The dial of the one call that finds out whether a doubt is still right; the others doubt on meanwhile. */
  doubtAskMs: 3_000,
  /** A dial that had less time than this says nothing about the member. */
  doubtDialMs: 1_000,
  /** Members doubted at the same time (a count). */
  doubted: 1_024,
  /** The providers of a service are looked at again after this, for what nothing tells: doubts that end. */
  providersMs: 1_000,
  /** Above this many (a count) they are looked at again so often at most, however much changes: 5,000 cost some ms. */
  manyProviders: 64,
  manyProvidersMs: 50,
  /** A service that nobody serves any more is expected back within this: its only provider may restart. */
  latelyMs: 10_000,
  /** A better link must answer within this before others retire for its sake. */
  verifyMs: 2_000,
  /** Circuits that are opened anew at the same time when their relay leaves (a count): 25 ms of CPU each. */
  circuitMoves: 4,
  /** A circuit is opened anew within this; its relay stays 8 s, unless told otherwise. */
  circuitMoveMs: 4_000,
  /** Between two tries of that. */
  circuitMoveRetryMs: 250,
  /** A peer that was told of the end of a link closes its side within this, or the link is cut. */
  closeMs: 1_000,
  /** A member that stops gives its calls this long: containers are killed 10 s after SIGTERM, unless said
   * otherwise, and closing takes up to 2 s. */
  drainMs: 8_000,
  /** It waits for the control plane to take the record without its services, no longer than this. */
  withdrawMs: 1_000,
  /** How often a link that retires is asked whether it still carries circuits. */
  circuitCheckMs: 100,
  /** How often links are looked at whose peer's credential may have run out: it lives for days. */
  expirySweepMs: 60_000,
  /** Older than this, a head is worth a warning: it is signed anew whenever somebody asks. */
  oldHeadMs: 24 * 3600_000,
  /** Of texts that come from outside so many characters go into the audit log. */
  auditedChars: 200,
  /** Answers of the policy remembered per member (a count): methods of a mesh are few, names from outside are not. */
  rememberedAnswers: 1024,
  /** What was heard on the LAN is good for this long: three announcements. */
  lanSeenMs: 180_000,
  /** Members heard there that are remembered (a count). */
  lanPeers: 1_024,
  /** Dials at the same time, in a row, and between two after that: a hostile LAN costs a handshake each second. */
  lanDials: 4,
  lanDialBurst: 16,
  lanDialMs: 1_000,
  /** First and longest pause before one that was not reached is dialled again. */
  lanRetryMinMs: 1_000,
  lanRetryMaxMs: 5 * 60_000,
  /** Relays that a network check measures (a count), nearest regions first as the head lists them. */
  netcheckRelays: 12,
  /** STUN servers that it asks (a count): two tell the kind of a NAT. */
  netcheckStunServers: 8,
  /** It waits for the control plane: a cold Lambda answers within. With the next: less than 5 s in all. */
  netcheckAskMs: 2_400,
  /** It waits for an address: the first SYN and one repetition after 1 s. */
  netcheckReachMs: 2_000,
  /** How often the addresses that worked are written to disk, if they changed. */
  saveAddressesMs: 60_000,
  /** First and longest pause before a join is tried again that waits for the control plane; half of each is random. */
  joinRetryMinMs: 500,
  joinRetryMaxMs: 30_000,
  /** An enrolled member that is started with another join token waits so long for its redemption, then goes on without. */
  rejoinMs: 5_000,
} as const
