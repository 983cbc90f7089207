/** Limits of everything that crosses between members. Sizes in bytes unless said; times in milliseconds. */
export const limits = {
  /** A member record JWS: design 4a keeps 5,000 pairs in 8 MB. */
  recordBytes: 1024,
  /**
   * How often a member may change its record: once in so many milliseconds on average, and so many times at once, which a
   * start (addresses, home, services), a stop and a restart soon after take (docs/adr/0024).
   */
  recordEveryMs: 5_000,
  recordsAtOnce: 12,
  /** A credential JWT: 0.5 KB measured with four roles and tags. */
  credentialBytes: 2048,
  /** Any other signed document: 256 relays or 4,096 revocations of both kinds at their longest, in base64. */
  documentBytes: 512 * 1024,
  /** A link of the key chain: one public key, and 8 thumbprints of revoked ones. */
  keyLinkBytes: 1536,
  /** An `Authorization: Mesh` value: path and query at their limits; proxies commonly cap headers at 8 KiB. */
  authorizationBytes: 3072,
  /** A join token: URL of at most 512 characters and a 32-byte secret. */
  joinTokenChars: 900,
  /** Addresses listed in a record; circuit addresses are derived, never listed. */
  addrs: 8,
  /** A name of DNS has 253. */
  addrChars: 344,
  /** Of a host that is announced: the version before refuses a head whose relays have longer ones. The next may announce 253. */
  announcedHostChars: 64,
  homeRelays: 2,
  /** A round trip to a home relay that is listed, ms. */
  homeRttMs: 60_000,
  services: 32,
  roles: 16,
  tags: 16,
  /** Roles and tags together, in characters: what a credential has room for beside its other claims. */
  rolesAndTagsChars: 800,
  /** What a join token is for, in characters. */
  noteChars: 128,
  /** Links in a key chain: one rotation a month for five years. */
  keyChain: 64,
  /** Keys that one link revokes; more take another link. */
  keysRevoked: 8,
  grants: 256,
  /** Selectors or targets of one grant. */
  grantEntries: 64,
  policyTests: 256,
  relays: 256,
  revocations: 4096,
  /** Pairs in one map page, and its bytes. */
  mapPairs: 1000,
  mapBytes: 1024 * 1024,
  /** Regions whose latency a relay reports. */
  latencies: 64,
  /** Services whose load a relay reports, checks that fail at its agents, and members named for each. */
  reportedServices: 32,
  reportedChecks: 16,
  namedMembers: 3,
  /** Checks that an agent reports to its home, the failing ones first. */
  digestChecks: 16,
  /** A token for readers of scaling signals lives this long at most: a year. */
  scalingTokenMs: 366 * 24 * 3600_000,
  /** Changes in one relay report. */
  reportChanges: 500,
  /** An entry of an audit log, in characters: a policy change names its number and hash, not its text. */
  auditLineChars: 8 * 1024,
  /** The signed head of an audit chain: four short claims and a signature. */
  auditHeadBytes: 1024,
  /** Audit entries in one reply that are not in the chain yet. */
  auditWaiting: 100,
  /** Largest body of any control plane request: a policy, a report of a relay. */
  requestBytes: 512 * 1024,
  /** Largest body of every other request, and of any by a key that is not a member's: a token with its roles and tags has 2 KB. */
  smallRequestBytes: 16 * 1024,
  /** Members, tokens or entries in one page of a list. */
  listed: 1000,
  /** Healthy members in a bootstrap reply. */
  providers: 50,
  /** A place in a list. */
  cursorChars: 512,
  /** A request's time may differ from the server's by this much. */
  clockSkewMs: 60_000,
  /** Records and credentials from further in the future are refused. */
  futureMs: 24 * 3600_000,
} as const
