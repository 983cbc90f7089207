import type { Enrolment } from '../parts/enrolments.ts'
import { checkSerial, full, lapsed } from '../refusals.ts'
import { flag, list, number, optionalNumber, optionalText, text, type Row } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { get, run, type Script } from './script.ts'

/** An enrolment with the columns that callers of the store do not see. */
export type EnrolmentRow = Enrolment & { shard: number; counted: boolean }

/** Where the pair of a member is. */
export type Place = Pick<EnrolmentRow, 'peerId' | 'shard'>

export const enrolmentFromRow = (row: Row): EnrolmentRow => ({
  peerId: text(row, 'peer_id'),
  shard: number(row, 'shard'),
  serial: text(row, 'serial'),
  name: text(row, 'name'),
  roles: list(row, 'roles'),
  tags: list(row, 'tags'),
  ...optionalText(row, 'region', 'region'),
  ephemeral: flag(row, 'ephemeral'),
  tokenHash: text(row, 'token_hash'),
  createdAt: number(row, 'created_at'),
  expiresAt: number(row, 'expires_at'),
  ...optionalText(row, 'credential', 'credential'),
  ...optionalNumber(row, 'revoked_at', 'revokedAt'),
  counted: flag(row, 'counted'),
})

/** Reads of enrolments, and the count of members that `maxMembers` bounds. */
export const enrolmentRows = ({ clock, dialect, maxMembers }: SqlInit) => {
  const byPeer = 'SELECT * FROM enrolments WHERE peer_id = $1'
  const byPeerLocked = `${byPeer} ${dialect.locking()}`
  const bySerial = 'SELECT * FROM enrolments WHERE serial = $1'
  const byName = 'SELECT e.* FROM names n JOIN enrolments e ON e.peer_id = n.peer_id WHERE n.name = $1'
  const counted = `SELECT count(*) AS n FROM enrolments WHERE ${dialect.isTrue('counted')}`

  const unlapsed = (row: Row | undefined): EnrolmentRow | undefined => {
    const found = row && enrolmentFromRow(row)
    return found === undefined || lapsed(found, clock.now()) ? undefined : found
  }

  /** Other transactions wait for this one before they change it. */
  function* lock(peerId: string): Script<EnrolmentRow | undefined> {
    return unlapsed(yield* get(byPeerLocked, peerId))
  }

  function* countMembers(): Script<number> {
    return number((yield* get(counted)) ?? {}, 'n')
  }

  return {
    lock,

    reads: {
      *readEnrolment(peerId: string): Script<EnrolmentRow | undefined> {
        return unlapsed(yield* get(byPeer, peerId))
      },

      *findEnrolment(by: { serial: string } | { name: string }): Script<EnrolmentRow | undefined> {
        return unlapsed(yield* 'serial' in by ? get(bySerial, by.serial) : get(byName, by.name))
      },

      countMembers,
    },

    /** Locked. @throws MeshError not_found, revoked, conflict */
    *valid(of: { peerId: string; serial: string }, action: string): Script<EnrolmentRow> {
      return checkSerial(yield* lock(of.peerId), of, action)
    },

    /** The caller holds the lock of enrolments. @throws MeshError mesh_full */
    *checkRoom(action: string): Script<void> {
      if ((yield* countMembers()) >= maxMembers) throw full(action, maxMembers)
    },

    *setCounted(peerId: string, value: boolean): Script<void> {
      yield* run('UPDATE enrolments SET counted = $1 WHERE peer_id = $2', value, peerId)
    },
  }
}

export type EnrolmentRows = ReturnType<typeof enrolmentRows>
