import type { AuditOf } from './audit.ts'
import type { Enrolment } from './enrolments.ts'

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
  /** The relay that last reported it, whether or not its lease is still alive. */
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

/** The entry of a shard under a number. */
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

/** The map: pairs in shards, each change numbered without gaps in the transaction that makes it. */
export interface DirectoryStore {
  readHeads(): Promise<MapHeads>
  /** After a restore: earlier numbers are void, every member reads the map anew. */
  renewEpoch(audit?: AuditOf<void>): Promise<void>
  /**
   * Writes a pair: a higher incarnation wins, the same bytes write nothing.
   * @throws MeshError conflict with details `{ incarnation }` (lower, or equal with other bytes), not_found without
   * an enrolment of that serial, revoked, mesh_full when a removed member joins a full mesh again
   */
  putMember(record: NewRecord): Promise<MapWrite>
  /**
   * Removes those from the map that have been offline for 30 days, ephemeral ones for 10 minutes; their enrolments stay. Some
   * at a time, and where all members have to be read for it, only once a day.
   */
  removeOffline(audit?: AuditOf<Enrolment>): Promise<Enrolment[]>
  /** Removes the pair of that serial. @throws MeshError not_found */
  removeMember(peerId: string, serial: string, audit?: AuditOf<MapWrite>): Promise<MapWrite>
  /** In the order given; those not in the map are left out. */
  readMembers(peerIds: readonly string[]): Promise<Member[]>
  /** Pairs and tombstones of a shard in order of their numbers, `after` excluded. A pair that changes moves to the end. */
  listShard(shard: number, page: { after: number; limit: number }): Promise<MapEntry[]>
  /**
   * Changes after number `after`, in order, without gaps.
   * @throws MeshError map_gap when the number is unknown or older than the log is kept
   */
  readChanges(shard: number, page: { after: number; limit: number }): Promise<MapLogEntry[]>
  /** Peers of a shard that offer the service, in order of peerId, `after` excluded. */
  listProviders(service: string, shard: number, page: { after?: string; limit: number }): Promise<string[]>
}
