import type { AuditEntry, AuditEvent, AuditHead } from '@agent-mesh/protocol/audit'
import type { StoreDump } from './dump.ts'
import type {
  Amendment,
  CredentialIssue,
  Enrolment,
  HeadPart,
  HealthRollUp,
  Joined,
  Lease,
  MapLogEntry,
  MapEntry,
  MapHeads,
  MapWrite,
  Member,
  NewRecord,
  NewToken,
  Redeemed,
  Redemption,
  LeaseReport,
  Token,
} from './model.ts'

/**
 * What goes on record about a change, made from its result. The entry is written in the transaction of the change: there is
 * none without the other. A repetition that changes nothing writes none.
 */
export type AuditOf<T> = (result: T) => AuditEvent

/** Numbered parts of the head (keys, relays, policy, revocations), and the signed head of the audit. */
export interface HeadPartStore {
  readPart(name: string): Promise<HeadPart | undefined>
  readParts(): Promise<HeadPart[]>
  /**
   * Writes the next number where `expected` is stored; 0 means "not there yet".
   * @param number what it gets, above `expected`: after a restore the next one may have been given out before.
   * @default expected + 1
   * @throws MeshError conflict with details `{ number }` when another number is stored, invalid_argument for a number
   * that does not rise
   */
  writePart(
    name: string,
    expected: number,
    document: string,
    number?: number,
    audit?: AuditOf<HeadPart>,
  ): Promise<HeadPart>
}

/** Join tokens and what was made of them. */
export interface EnrolmentStore {
  createToken(token: NewToken, audit?: AuditOf<Token>): Promise<Token>
  /** In order of id, `after` excluded. Expired and revoked ones too. */
  listTokens(page: { after?: string; limit: number }): Promise<Token[]>
  /** Idempotent. @throws MeshError not_found */
  revokeToken(id: string, audit?: AuditOf<Token>): Promise<Token>
  /**
   * One transaction: checks the token, takes one use, enrols, takes a free name (`name`, `name-2`, ...). The same
   * token and peer again give the same enrolment and take nothing. A token that replaces ends the enrolment of who holds its
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
   * Changes claims of an enrolment; the credential that it has is then of the old ones. Nothing changed: writes nothing.
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
   * are `amended` the pair is a change of its own, so that all hear of it.
   * @throws MeshError not_found, revoked, conflict when the serial is not the enrolment's
   */
  recordCredential(issue: CredentialIssue): Promise<Enrolment>
  /** Revokes permanently and removes the pair. Idempotent. @throws MeshError not_found */
  revokeMember(peerId: string, audit?: AuditOf<Enrolment>): Promise<Enrolment>
  /** Agents and relays that are enrolled, neither removed nor revoked. */
  countMembers(): Promise<number>
}

/** The map: pairs in shards, each change numbered without gaps in the transaction that makes it. */
export interface DirectoryStore {
  readHeads(): Promise<MapHeads>
  /** After a restore: what was numbered before means nothing from now on, every member reads the map anew. */
  renewEpoch(audit?: AuditOf<void>): Promise<void>
  /**
   * Writes a pair: a higher incarnation wins, the same bytes write nothing.
   * @throws MeshError conflict with details `{ incarnation }` (lower, or equal with other bytes), not_found without
   * an enrolment of that serial, revoked, mesh_full when a removed member comes back to a full mesh
   */
  putMember(record: NewRecord): Promise<MapWrite>
  /**
   * Takes those out of the map that have been offline for 30 days, ephemeral ones for 10 minutes; their enrolments stay. Some
   * at a time, and where all members have to be read for it, only once a day.
   */
  removeOffline(audit?: AuditOf<Enrolment>): Promise<Enrolment[]>
  /** Removes the pair of that serial. @throws MeshError not_found */
  removeMember(peerId: string, serial: string, audit?: AuditOf<MapWrite>): Promise<MapWrite>
  /** In the order given; those not in the map are left out. */
  readMembers(peerIds: readonly string[]): Promise<Member[]>
  /** Pairs and tombstones of a shard in order of their numbers, `after` excluded. What changes moves to the end. */
  listShard(shard: number, page: { after: number; limit: number }): Promise<MapEntry[]>
  /**
   * Changes after number `after`, in order, without gaps.
   * @throws MeshError map_gap when the number is unknown or older than the log is kept
   */
  readChanges(shard: number, page: { after: number; limit: number }): Promise<MapLogEntry[]>
  /** Peers of a shard that offer the service, in order of peerId, `after` excluded. */
  listProviders(service: string, shard: number, page: { after?: string; limit: number }): Promise<string[]>
}

/** Who is online: leases of relays and the homes they proved. */
export interface PresenceStore {
  /**
   * Applies a report and renews the lease. An epoch begins with number 1, which ends what earlier ones held. A repeated sequence number is acknowledged and changes nothing. `up` moves
   * a member here when its homeSeq is higher than the stored one, `down` only ends what this relay holds.
   * @throws MeshError conflict with details `{ epoch, seq }` when the report does not follow the stored one
   */
  applyReport(report: LeaseReport): Promise<Lease>
  /** Leases alive now. */
  readLeases(): Promise<Lease[]>
}

/** How the mesh did during the last day. */
export interface HealthStore {
  /** Those of the same time and region are replaced. */
  writeHealth(rollUps: readonly HealthRollUp[]): Promise<void>
  /** Of the last day, from `since` on, in order of time and region. */
  listHealth(since: number): Promise<HealthRollUp[]>
}

/** Small things every mesh needs kept. */
export interface LedgerStore {
  /** False when the nonce was used before and has not expired. */
  claimNonce(nonce: string, expiresAt: number): Promise<boolean>
  /** The latest time that the processes of this store agreed on, unix ms; undefined in one that knows none yet. */
  readTimeMark(): Promise<number | undefined>
  /** Writes it where `expected` is stored. @returns false when another process was first */
  writeTimeMark(expected: number | undefined, next: number, audit?: AuditOf<void>): Promise<boolean>
}

/**
 * What happened, as one chain of hashes over all processes of the mesh's control plane. An entry is durable first and gets
 * its place in the chain at once or soon: docs/adr/0023-audit-outbox.md.
 */
export interface AuditStore {
  /** Puts it on record; writers do not refuse each other. @throws MeshError invalid_argument, too_large */
  appendAudit(event: AuditEvent): Promise<void>
  /** Gives entries that wait their place in the chain, oldest first, unless another process is at it. */
  chainAudit(): Promise<void>
  /** Entries without a place in the chain, oldest first. */
  listWaitingAudit(limit: number): Promise<AuditEvent[]>
  /** The newest entry, or the root before the first one. */
  readAuditHead(): Promise<AuditHead>
  /** Oldest first, `after` (a seq) excluded, without gaps; as they are stored, verified by whoever reads. */
  listAudit(page: { after?: number; limit: number }): Promise<AuditEntry[]>
}

/**
 * The port every database adapter implements and `test/compliance/store.ts` checks. Each operation is atomic; every
 * read checks expiry itself, `collectGarbage` only frees space.
 */
export interface Store
  extends HeadPartStore, EnrolmentStore, DirectoryStore, PresenceStore, HealthStore, LedgerStore, AuditStore {
  /**
   * Calls `listener` when another process wrote to map or head, where the database tells. Who must know polls as well.
   * @returns how to stop
   */
  listen(listener: () => void): () => void
  /**
   * Frees the space of what has expired. @param options.keep `lapsed`: only of what is made again by itself (nonces,
   * leases, health), for a process that does not know whether its clock is right
   */
  collectGarbage(options?: { keep?: 'lapsed' }): Promise<void>
  /** Answers when the database does. @throws MeshError unavailable */
  ping(): Promise<void>
  /** One consistent state for a backup, while others write. Absent where the database makes its own backups. */
  dump?(): StoreDump
  /** Idempotent. */
  close(): Promise<void>
}
