/** Defaults of the transport room. Times in milliseconds. */
export const transportDefaults = {
  /** A connection that is no link after this is aborted. TLS is done by then: one round trip and two signature checks
   * take < 100 ms even through a slow relay, a blocked event loop may take seconds. */
  helloMs: 5_000,
  /** Hellos to one peer that no caller waits for any more: more come only from a peer that does not answer. */
  givenUpGreetings: 2,
  /** Connections waiting for their hello. Each costs a socket and < 800 KiB of buffers and streams: 256 bound that to 200 MiB. */
  maxPendingHellos: 256,
  /** Streams that wait for the hello of their connection; a member opens at most its identify and RPC ahead of it. */
  maxWaitingStreams: 8,
  /** Streams of one protocol on one connection: above what a callee refuses politely (pipes: 256), which libp2p would reset. */
  streamsPerProtocol: 512,
  /** Links of an agent that take new work: 5 permanent ones and every callee of a 100-agent fleet, at 0.5 MiB each. As many
   * again may be retiring: they stay until their last call is done. */
  maxLinks: 128,
  /** Links of one peer: one or two while paths change, more when its address changes again and again. With one more the
   * oldest ends, so that no member takes the places of others. */
  linksPerPeer: 8,
  /** An unused link closes after this; opening one again costs 15-30 ms of CPU. */
  idleMs: 5 * 60_000,
  /** The same for a link whose caller gave up its dial before it came up: it may never be asked for. */
  unaskedIdleMs: 30_000,
  /** How often idle links are looked for: a tenth of `idleMs`. */
  sweepMs: 30_000,
  /** One address until TCP stands: three SYNs (1 + 2 s) and the slowest route fit. */
  connectMs: 5_000,
  /** TLS after that; hello has `helloMs`. Long, because a relay that returns has the handshakes of all its agents to do: what is
   * given up half way is work lost, and done again. */
  handshakeMs: 15_000,
  /** Handshakes that one process dials at the same time: 16 x 30 ms keep each below a second on one core. */
  handshakes: 16,
  /** A dial without TCP after this leaves its slot to others: it costs no CPU, and black holes would fill all. */
  slotMs: 250,
  /** The same for a circuit, whose opening costs CPU here, at the relay and at the peer: where it takes long, all three are busy,
   * and a slot given to another dial would only make every dial slower. A peer that is frozen holds one for this long. */
  circuitSlotMs: 2_000,
  /** Incoming handshakes at the same time: 128 x 25 ms of CPU end well within `handshakeMs`; more are refused at once,
   * and dial again. */
  maxPendingUpgrades: 128,
  /** Part of both for one source (a host, an IPv6 /64, the far end of a circuit): it takes four to keep all others out, and
   * 32 handshakes keep a core busy, so that 100 agents behind one NAT are back as soon as with all places. */
  sourceShare: 1 / 4,
  /** A dialler sends at once, or after a second when its machine is busy. Later it loses its place: */
  silenceMs: 5_000,
  /** and after this the next connection takes its place. A member's first bytes come on the heels of its connection. */
  silenceGraceMs: 100,
  /** A whole dial when the caller gives no deadline: relays start after 1 s and have the time of one dead address left. */
  dialMs: 10_000,
  /** Between two addresses of one peer (RFC 8305 recommends 250; here most peers are near). Failure skips the wait. */
  staggerMs: 100,
  /** Direct addresses that stay silent have this much of a head start over relays: a round trip across a continent. */
  silentHeadStartMs: 150,
  /** One that answered has this long for its handshake before relays are asked too: 50 ms of CPU on a busy machine. */
  directHeadStartMs: 1_000,
  /** The callee's home relay has this much of a head start over its standby. */
  relayHeadStartMs: 500,
  /** How often the interfaces of the host are compared: a new network is used within this. */
  networkWatchMs: 1_000,
  /** The wall clock is ahead of the timer by this: the machine slept. A busy event loop is late by less. */
  sleptMs: 10_000,
  /** Peers whose last dial is remembered, a count: those of a full mesh at some 500 bytes each are too many, the callees
   * of an agent are not. */
  rememberedPeers: 1_000,
  /** Certificates of peers remembered as verified, a count: as many as a relay has homed agents, at some 200 bytes each. */
  knownCertificates: 1_000,
  /** Addresses of one peer that are dialled: what a record may list, so that a long list starves nothing. */
  maxDialAddrs: 8,
  /** An HTTP proxy answers CONNECT within this: it resolves a name and connects. */
  proxyMs: 5_000,
  /** Longest head of that answer, in bytes. */
  proxyAnswerBytes: 8 * 1024,
  /** First repetition of an unanswered STUN request, then doubled (RFC 8489 begins with 500, for slower networks). */
  stunRetryMs: 250,
  /** From TCP to an open WebSocket, at the listener. */
  webSocketHandshakeMs: 5_000,
  /** How often the files of the certificate of the web are looked at, at most: renewals come weeks before the end. */
  certificateLookMs: 60_000,
  /** Longest WebSocket message sent, in bytes: some TLS records in one, and small enough to pass others soon. */
  webSocketMessageBytes: 64 * 1024,
  /** Longest one accepted: other implementations send what they have at once. */
  maxWebSocketBytes: 4 * 1024 * 1024,
  /** Unsent bytes of a WebSocket above which its writers wait. */
  webSocketBacklogBytes: 256 * 1024,
  /** Graceful end of a connection; afterwards it is reset. */
  closeMs: 1_000,
  /** Stopping the whole transport. */
  stopMs: 5_000,
  /** Yamux window: above 1 MiB one bulk stream delays small calls on the same link (head of line). */
  maxWindowBytes: 1024 * 1024,
  /** Circuits that one agent dials through one relay at the same time: as many as it may have links. */
  maxCircuitsPerRelay: 128,
} as const

export const relayClientDefaults = {
  /** Home and standby. */
  relays: 2,
  /** Candidates measured before the first choice; more would cost a handshake each. */
  probes: 4,
  /** A candidate that does not answer within this is left out of the first choice. */
  probeMs: 2_000,
  /** First wait before a relay is dialled again; then exponential with jitter. */
  retryMs: 200,
  /** Longest wait: an agent is back within 2 s of its relay's return (a dial and a reservation take < 0.5 s). */
  maxRetryMs: 1_500,
  /** Between two measurements of the round trip to the relays held. */
  measureMs: 60_000,
  /** A relay replaces the home only when its round trip is below this part of the home's: else agents swing. */
  switchRatio: 2 / 3,
  /** ... and so many ms shorter: a millisecond, which a busy process alone makes, is no reason to move. */
  switchMs: 5,
  /** A relay unreachable for this long is replaced when another candidate is known: one that restarts is back in 2 s, and the
   * promise is a new reservation within 5 s. */
  replaceMs: 3_500,
  /** A relay that drains is no candidate for this long, and stays listed, last: it restarts, or has left the head by then. */
  leftMs: 30_000,
  /** A lost relay stays listed this long: a restart of 2 s must not republish the record of every agent twice. */
  graceMs: 3_000,
  /** The same when no other relay could be named instead: naming none helps no agent, and 200 agents behind one relay that restarts
   * would each read 400 new records. */
  loneGraceMs: 60_000,
} as const
