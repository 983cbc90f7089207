/** Defaults of upgrades. Times in milliseconds unless said. */
export const upgradeDefaults = {
  /** Pauses after failed attempts, the last one repeated: paths change with networks, and those changes begin at once. */
  retryMs: [1_000, 5_000, 30_000, 300_000],
  /** Attempts at once, begun or answered: each may cost two handshakes of 30 ms CPU. */
  attempts: 8,
  /** After so many failed attempts with none that succeeded, of several peers, they begin one by one: a count. */
  attemptsInVain: 8,
  /** Between two such attempts, on links that were never tried and on others: one costs about 50 ms CPU at both ends together. */
  firstInVainMs: 1_000,
  againInVainMs: 5_000,
  /** Peers whose failed attempts are remembered when their link ends: a count. */
  rememberedPeers: 1_024,
  /** A peer may begin again after this: what it begins costs this member dials. */
  spacingMs: 500,
  /** Offer and answer over the relay. */
  answerMs: 5_000,
  /** TCP tries to meet for this long: two losses of a SYN (1 + 2 s) and a peer that was late. */
  punchMs: 6_000,
  /** One try until TCP is open. */
  tryMs: 3_000,
  /** Before the next try: a firewall that refuses does so in a millisecond. */
  tryAgainMs: 100,
  /** TLS on the open connection. */
  handshakeMs: 5_000,
  /** ICE gives its checks about this long; the first start loads the module. */
  webrtcMs: 6_000,
  /** TCP that can meet does so within this; then WebRTC and its 20 MB need not be loaded. */
  webrtcHeadStartMs: 200,
  /** The higher peer dials listening addresses after this: the lower one's dial wins the tie anyway. */
  dialHeadStartMs: 100,
  /** The result of the other side when both have failed. */
  resultMs: 2_000,
  /** A port below belongs to a service: no NAT assigns it to a dial. */
  minPunchPort: 1_024,
  /** Listening addresses of a peer that are dialled: a count. */
  maxListenDials: 4,
  /** ICE candidates of a peer that are tried: a count; a host has its networks, twice with STUN. */
  maxCandidates: 8,
  /** Messages of one attempt, signals included: a count. */
  maxMessages: 64,
  /** Punching ports, below those that Linux gives to other dials (32,768 and up). */
  minPort: 20_000,
  maxPort: 32_767,
  /** Data of WebRTC that waits for the network, bytes: as the windows of TCP links. */
  webrtcBufferBytes: 1024 * 1024,
  /** node-datachannel may abort the process when it is cleaned up sooner after a close. */
  webrtcCleanupMs: 200,
} as const
