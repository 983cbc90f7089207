import type { AuditOf } from './audit.ts'

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
  /** Requested name; a name of the token takes precedence. */
  requestedName: string
  /** Requested region; a region of the token takes precedence. */
  requestedRegion?: string
  /** Requests to be ephemeral; a token may say so too. */
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
  /** Serial of the enrolment whose name it got; present until the new one has a credential. */
  replaced?: string
  /** The peer that held it; present at least once. */
  replacedPeer?: string
}

/** What a member joined with, for the audit. */
export type Joined = Enrolment & Pick<Redeemed, 'replaced'>

/** A credential just signed. */
export interface CredentialIssue {
  peerId: string
  serial: string
  credential: string
  expiresAt: number
  /** Its claims differ from those of the one before. @default false */
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

/** Enrolments, made of join tokens. */
export interface EnrolmentStore {
  /** Whether the database is paid for each enrolment that is read. */
  readonly billed: boolean
  /**
   * One transaction: checks the token, takes one use, enrols, takes a free name (`name`, `name-2`, ...). The same
   * token and peer again give the same enrolment and take nothing. A token that replaces ends the enrolment that holds its
   * name; a revoked holder loses the name and stays revoked.
   * @throws MeshError token_invalid, permission_denied when the token does not give the role, revoked, mesh_full
   */
  redeem(redemption: Redemption, audit?: AuditOf<Joined>): Promise<Redeemed>
  /** Absent when never enrolled or expired for longer than the renewal grace; a revoked one is kept. */
  readEnrolment(peerId: string): Promise<Enrolment | undefined>
  /** As {@link readEnrolment}, by its serial or name. Reads many rows: for admins, who ask rarely. */
  findEnrolment(by: { serial: string } | { name: string }): Promise<Enrolment | undefined>
  /** In order of peer id, `after` excluded; revoked ones too. A page may hold fewer than `limit` and not be the last. */
  listEnrolments(
    shard: number,
    page: { after?: string; limit: number },
  ): Promise<{ enrolments: Enrolment[]; next?: string }>
  /**
   * Changes claims of an enrolment; its credential is then superseded. Nothing changed: writes nothing.
   * @throws MeshError not_found, revoked, conflict when another member holds the name, or for another serial
   */
  amendEnrolment(amendment: Amendment, audit?: AuditOf<Enrolment>): Promise<Enrolment>
  /**
   * Ends an enrolment: its pair leaves the map, its name is free, its key may enrol anew.
   * @throws MeshError not_found, revoked, conflict for another serial
   */
  endEnrolment(peerId: string, serial: string, audit?: AuditOf<Enrolment>): Promise<Enrolment>
  /**
   * Records a credential just signed, in the enrolment and in the pair. Changes no map number while the claims stay; when they
   * are `amended` the pair is a change of its own, so that all members receive it.
   * @throws MeshError not_found, revoked, conflict when the serial is not the enrolment's
   */
  recordCredential(issue: CredentialIssue): Promise<Enrolment>
  /** Revokes permanently and removes the pair. Idempotent. @throws MeshError not_found */
  revokeMember(peerId: string, audit?: AuditOf<Enrolment>): Promise<Enrolment>
  /** Agents and relays that are enrolled, neither removed nor revoked. */
  countMembers(): Promise<number>
}
