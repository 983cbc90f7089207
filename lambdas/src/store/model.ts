/** What the store keeps. Times are unix milliseconds; documents are signed, so opaque here. */

/** A part of the head: a signed document with a number of its own that only rises. */
export interface HeadPart {
  name: string
  number: number
  document: string
  writtenAt: number
}

/** A join token. Its secret is never stored. */
export interface Token {
  /** SHA-256 of the secret, base64url; its first 16 characters are the `id` that people use. */
  hash: string
  /** Name the member will get; only for tokens of one use. */
  name?: string
  roles: string[]
  tags: string[]
  region?: string
  /** Its members are removed soon after they go offline. */
  ephemeral: boolean
  uses: number
  left: number
  createdAt: number
  createdBy: string
  expiresAt: number
  revokedAt?: number
  /** What it is for, in the words of who made it. */
  note?: string
  /** Its name is taken from whoever holds it when the token is redeemed. */
  replace?: boolean
  /** Serial of the enrolment that ended so. */
  replaced?: string
}

export type NewToken = Omit<Token, 'left' | 'revokedAt' | 'replaced'>

/** What a member may be, fixed when it joined. */
export interface Enrolment {
  peerId: string
  serial: string
  name: string
  roles: string[]
  tags: string[]
  region?: string
  ephemeral: boolean
  tokenHash: string
  createdAt: number
  /** Expiry of the last credential issued. */
  expiresAt: number
  /** The last credential issued; absent until the first one is recorded. */
  credential?: string
  revokedAt?: number
}

export interface Redemption {
  tokenHash: string
  peerId: string
  /** Name wished for; the token's own name wins. */
  requestedName: string
  /** Region wished for; the token's own region wins. */
  requestedRegion?: string
  /** Wishes to be ephemeral; a token makes it so without. */
  ephemeral?: boolean
  /** Role that the token has to give; none is asked for when absent. */
  role?: string
  /** Serial for the enrolment if this redemption makes one. */
  serial: string
  expiresAt: number
}

/** An enrolment just made, or made before by the same token and peer. */
export interface Redeemed {
  enrolment: Enrolment
  fresh: boolean
  /** Serial of the enrolment whose name it got; told until the new one has a credential. */
  replaced?: string
}

/** What a member joined with, for the audit. */
export type Joined = Enrolment & Pick<Redeemed, 'replaced'>

/** A credential just signed. */
export interface CredentialIssue {
  peerId: string
  serial: string
  credential: string
  expiresAt: number
  /** Its claims are others than those of the one before. @default false */
  amended?: boolean
}

/** What of an enrolment may change after it was made; absent: as it is. */
export interface Amendment {
  peerId: string
  serial: string
  name?: string
  tags?: string[]
  region?: string
}

/** What `putMember` takes from a verified record. The rest of the pair comes from the enrolment. */
export interface NewRecord {
  peerId: string
  serial: string
  incarnation: number
  record: string
  /** Keys it is found by: service names, with and without version. */
  services: string[]
  region?: string
}

/** A pair as the directory holds it. */
export interface Member {
  shard: number
  /** Number of the shard when this pair was last changed. */
  v: number
  peerId: string
  serial: string
  name: string
  roles: string[]
  tags: string[]
  region?: string
  incarnation: number
  services: string[]
  record: string
  credential: string
  updatedAt: number
  /** The lease of its relay (a relay: its own) is alive. */
  online: boolean
  /** Relay that last proved to be its home. */
  home?: string
  /** That relay last said it is there, whether or not its lease is still alive. */
  leased: boolean
}

/** A pair that was removed; kept until no credential of it can be alive. */
export interface Tombstone {
  shard: number
  v: number
  peerId: string
  /** Serial of the enrolment that was removed. */
  gone: string
}

/** What stands in a shard under a number. */
export type MapEntry = Member | Tombstone

export const isTombstone = (entry: MapEntry): entry is Tombstone => 'gone' in entry
export const isMember = (entry: MapEntry): entry is Member => !isTombstone(entry)

/** One numbered change of a shard. */
export interface MapLogEntry {
  v: number
  peerId: string
  /** Serial of the enrolment that was removed; absent for a put. */
  gone?: string
  at: number
}

export interface MapHeads {
  /** Changes when the store was restored: numbers of another epoch mean nothing. */
  epoch: string
  /** Highest number of each shard. */
  v: number[]
}

/** Where a write landed. `written` is false when the same bytes were there already. */
export interface MapWrite {
  written: boolean
  shard: number
  v: number
}

export interface LeaseReport {
  relay: string
  /** Names one run of the relay process. */
  epoch: string
  seq: number
  up: { peerId: string; homeSeq: number }[]
  down: string[]
  /** Small JSON for dashboards; opaque here. */
  status: string
}

export interface Lease {
  relay: string
  epoch: string
  seq: number
  reportedAt: number
  expiresAt: number
  status: string
}

/** How a region did at a time; the numbers are small JSON, opaque here. */
export interface HealthRollUp {
  /** Begin of the step. */
  at: number
  region: string
  document: string
}
