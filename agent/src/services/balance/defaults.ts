/** Defaults of the choice among providers. Milliseconds unless said. */
export const balanceDefaults = {
  /** The providers of a service are looked at again after this, for changes without an event: doubts that end. */
  providersMs: 1_000,
  /** Above this many (a count) they are looked at again so often at most, however much changes: 5,000 cost some ms. */
  manyProviders: 64,
  manyProvidersMs: 50,
  /** A service without a provider is expected back within this: its only provider may be restarting. */
  latelyMs: 10_000,
  /** 1/e of an old latency counts after this: several garbage collections long, so that one of them is not forgotten at once. */
  ewmaMs: 10_000,
  /** So many answers of a provider count half, the rest is what is typical of the service: a count. */
  trustAnswers: 7,
  /** What is typical is the mean of about so many answers, a count. */
  typicalAnswers: 8,
  /** A caller chooses among so many providers at least, a count. */
  subsetLeast: 2,
  /** It chooses among one more for so many calls within about `ewmaMs`: it tries new ones with a sixteenth of its calls. */
  subsetCalls: 16,
  /** It chooses among so many more for each call in flight: parallel calls of one caller spread at once. */
  subsetInFlight: 2,
  /** A provider leaves its place to one whose round trip is shorter by so many ms: between sites, not within one. */
  nearerMs: 5,
  /** Its round trip is also longer by this factor: a few ms of a long way are no reason. */
  nearerFactor: 2,
  /** A power of the ratio of two costs: one that costs twice as much gets a ninth of the calls, ten times as much a thousandth. */
  oddsPower: 3,
  /** A failure counts as so slow an answer at least: no fast failure makes a provider look quick. */
  failureMs: 1_000,
  /** A failure is forgotten after this, or with the next answer: a provider that is back has its share within 5 s. */
  failureFadeMs: 4_000,
  /** A shorter deadline that ran out says more about the caller than about the provider. */
  shortDeadlineMs: 50,
  /** A provider that said that it is leaving gets nothing for so long: its record is withdrawn by then. */
  drainingMs: 10_000,
  /** A provider farther away is asked only when it costs less than this part of the near one, and at least `farMs`. */
  spillFactor: 3,
  /** What a provider farther away costs at least: a round trip within a continent, unmeasured ones included. */
  farMs: 40,
  /** A near provider has room while its latency is below so many times its best of late. */
  roomFactor: 4,
  /** The own region had no provider for so long: an outage, no restart. Its calls come back over `returnMs`. */
  outageMs: 5_000,
  returnMs: 120_000,
  /** So many failures there in a row (a count), whichever provider failed, while others work elsewhere: it has an outage. */
  regionFailures: 10,
  /** The least part of its calls that it gets then: it shows whether it works. */
  leastShare: 0.02,
  /** So many deaths (a count) within the window make a provider a flapping one: it is left out, for twice as long each time. */
  flapDeaths: 3,
  flapWindowMs: 600_000,
  flapOutMs: 60_000,
  flapMostMs: 900_000,
  /** Providers whose deaths are remembered, a count. */
  flapping: 4_096,
  /** What is remembered of providers that left the lists is dropped so often at most. */
  pruneMs: 1_000,
  /** Services that are remembered, a count: their names come from outside. */
  services: 1_024,
} as const
