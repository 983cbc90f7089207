/** Every default of the gateway: value, unit, reason. */
export const gatewayDefaults = {
  /** Connections at once: programs of one machine, a few each. */
  connections: 256,
  /** Connections above these that hear at the same time that there is no room; still more are closed without a reply. */
  refusedConnections: 512,
  /** A refused connection says within this what protocol it speaks, ms: it holds one of those places. */
  refusedMs: 2_000,
  /** Requests of one token in flight, streams included: one program leaves room for others. */
  requestsOfToken: 64,
  /** Of these, requests of one browser to one port, WebSockets included: a page with many tabs leaves room for other pages. */
  requestsOfSession: 16,
  /** The head of a request comes within this, ms: it is written on the same machine. */
  headMs: 10_000,
  /** A body that is read whole comes within this, ms. */
  bodyMs: 30_000,
  /** How often connections are looked at for these limits, ms. */
  lookMs: 2_000,
  /** A connection without a request is closed after this, ms. */
  idleMs: 60_000,
  /** Largest body that is read whole, bytes: the largest inline params, with room for JSON. */
  bodyBytes: 2 * 1024 * 1024,
  /** Largest head, bytes. */
  headBytes: 16 * 1024,
  /** What one HTTP/2 connection holds, bytes: a body and a reply of the largest for each of its requests. */
  http2Bytes: 64 * 2 * 2 * 1024 * 1024,
  /** The longest deadline of an RPC, ms: the longest timer of Node, 24 days. */
  rpcTimeoutMs: 2 ** 31 - 1,
  /** A WebSocket is pinged so often, ms; one that says nothing until the next ping is ended. */
  pingMs: 15_000,
  /** Pieces of one message of a WebSocket: frames, and what comes of one at a time, a count. Each is held beside its bytes, at some 300 bytes. */
  piecesOfMessage: 4 * 1024,
  /** The one-time address of a port may be opened so long, ms: it stands in the scrollback of a terminal. */
  keyMs: 10 * 60_000,
  /** A browser that opened a port may use it so long, ms: a working day. */
  sessionMs: 12 * 3_600_000,
  /** A pipe to a program waits so long for the next request of its browser, ms: less than any program keeps a connection. */
  pipeWaitMs: 1_000,
  /** New requests use it so long, ms: then the policy and the owner of the port decide anew. */
  pipeUseMs: 10_000,
  /** Addresses that wait to be opened, and sessions, of one token each: ports that one person looks at. */
  sessionsOfToken: 32,
  /** Messages (a count) of one subscription that wait for a program, of at most 64 KiB each; one more drops the oldest. */
  waitingMessages: 256,
  /** Messages of one WebSocket that wait for their readers, bytes. */
  heldBytes: 16 * 1024 * 1024,
} as const
