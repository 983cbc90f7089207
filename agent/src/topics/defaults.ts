/** Defaults of topics. Milliseconds unless said. */
export const topicDefaults = {
  /** A publisher gathers what it publishes within this after a publication: one signature for all. The first goes at once. */
  gatherMs: 20,
  /** As long after a publication with this many messages (a count), 200/s: each has costs at every subscriber, a third of theirs. */
  busyGatherMs: 50,
  busyMessages: 4,
  /** Messages and bytes that wait at a publisher for its hub; one more is refused. */
  waitingMessages: 1_024,
  waitingBytes: 4 * 1024 * 1024,
  /** Messages (a count) that a subscription keeps for its reader; the oldest is dropped for one more. */
  buffer: 1_000,
  mostBuffer: 100_000,
  /** Messages (a count) and bytes that a hub keeps for one subscriber whose link is slow. */
  queuedMessages: 1_000,
  queuedBytes: 1024 * 1024,
  /** Bytes that a hub keeps for all slow subscribers together: each has its part, and 64 KiB at least. */
  hubBytes: 64 * 1024 * 1024,
  leastQueuedBytes: 64 * 1024,
  /** Control frames that wait for a peer, bytes: with more it does not read, and its stream ends. */
  controlBytes: 4 * 1024 * 1024,
  /** Bytes of one write. */
  writeBytes: 256 * 1024,
  /** A publisher may send so much a second, and so much at once; then its stream is not read for a while. */
  messagesPerSecond: 2_000,
  messagesAtOnce: 4_000,
  bytesPerSecond: 4 * 1024 * 1024,
  bytesAtOnce: 8 * 1024 * 1024,
  /** Last values that a hub keeps, a count and bytes. */
  retainedTopics: 1_024,
  retainedBytes: 8 * 1024 * 1024,
  /** A publication of a publisher not heard before is refused when its time differs more; so are retained values of the future. */
  skewMs: 5 * 60_000,
  /** Numbers (a count) below the highest of a publisher among which one that was not seen is accepted. */
  window: 1_024,
  /** Publishers, each with its groups, whose numbers are remembered, a count. */
  windows: 4_096,
  /** A message of a member that the map does not list yet waits so long for its credential; bytes of all that wait. */
  unknownMs: 5_000,
  unknownBytes: 1024 * 1024,
  /** Bytes of publications that are being checked; more of them are lost, as subscriptions say. */
  receivingBytes: 4 * 1024 * 1024,
  /** `publish` waits so long for the acknowledgements that it is to have. */
  ackMs: 5_000,
  /** Acknowledgements that it may wait for, a count. */
  mostAcks: 100_000,
  /** Publishing and subscribing wait so long for a relay while the mesh has some, then go on without. */
  relayMs: 5_000,
  /** A hub that could not be reached, or refused a subscription, is asked again after this. */
  retryMs: 2_000,
  /** A stream that ended is opened again after this. */
  reopenMs: 100,
  /** Agents (a count) to which one without a relay opens links to subscribe or to publish: a link costs 15 to 30 ms of CPU. */
  directAgents: 64,
  /** One without a relay dials so many members at once (a count) when it publishes, each again after `reachAgainMs`. */
  dialsAtOnce: 4,
  reachAgainMs: 30_000,
  /** Topics whose subscribers, and publishers whose way back, a hub remembers, counts. */
  remembered: 4_096,
} as const
