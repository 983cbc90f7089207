import { tombstoneMs } from '../../defaults.ts'
import type { MapEntry, Member } from '../model.ts'
import { list, number, optionalText, text } from './columns.ts'
import type { Row } from './database.ts'
import type { SqliteInit } from './init.ts'

/** A pair with who vouches that it is online: its relay's living lease of the same epoch, or a relay's own lease. */
const select = `
  SELECT m.peer_id, m.shard, m.v, m.incarnation, m.serial, m.record, m.services, m.updated_at,
    coalesce(m.region, e.region) AS region, e.name, e.roles, e.tags, e.credential, h.relay AS home,
    EXISTS (SELECT 1 FROM leases l WHERE l.relay = m.peer_id AND l.expires_at > ?1)
    OR EXISTS (SELECT 1 FROM leases l WHERE h.up = 1 AND l.relay = h.relay AND l.epoch = h.epoch AND l.expires_at > ?1)
    AS online, coalesce(h.up, 0) AS leased
  FROM members m LEFT JOIN enrolments e ON e.peer_id = m.peer_id LEFT JOIN homes h ON h.peer_id = m.peer_id`

const living = 'm.record IS NOT NULL AND e.credential IS NOT NULL AND e.revoked_at IS NULL'

const fromRow = (row: Row): Member => ({
  shard: number(row, 'shard'),
  v: number(row, 'v'),
  peerId: text(row, 'peer_id'),
  serial: text(row, 'serial'),
  name: text(row, 'name'),
  roles: list(row, 'roles'),
  tags: list(row, 'tags'),
  ...optionalText(row, 'region', 'region'),
  incarnation: number(row, 'incarnation'),
  services: list(row, 'services'),
  record: text(row, 'record'),
  credential: text(row, 'credential'),
  updatedAt: number(row, 'updated_at'),
  online: number(row, 'online') === 1,
  ...optionalText(row, 'home', 'home'),
  leased: number(row, 'leased') === 1,
})

const entryFromRow = (row: Row): MapEntry =>
  row['record'] !== null
    ? fromRow(row)
    : {
        shard: number(row, 'shard'),
        v: number(row, 'v'),
        peerId: text(row, 'peer_id'),
        gone: text(row, 'serial'),
      }

/** Reads of pairs on SQLite. */
export const members = ({ db, clock }: SqliteInit) => ({
  readMembers(peerIds: readonly string[]): Member[] {
    const rows = db.all(
      `${select} WHERE ${living} AND m.peer_id IN (SELECT value FROM json_each(?2))`,
      clock.now(),
      JSON.stringify(peerIds),
    )
    const found = new Map(rows.map(row => [text(row, 'peer_id'), row]))
    return peerIds.flatMap(peerId => {
      const row = found.get(peerId)
      return row === undefined ? [] : [fromRow(row)]
    })
  },

  listShard: (shard: number, page: { after: number; limit: number }): MapEntry[] =>
    db
      .all(
        `${select} WHERE (${living} OR (m.record IS NULL AND m.updated_at >= ?2))
         AND m.shard = ?3 AND m.v > ?4 ORDER BY m.v LIMIT ?5`,
        clock.now(),
        clock.now() - tombstoneMs,
        shard,
        page.after,
        page.limit,
      )
      .map(entryFromRow),

  listProviders: (service: string, shard: number, page: { after?: string; limit: number }): string[] =>
    db
      .all(
        'SELECT peer_id FROM services WHERE service = ? AND shard = ? AND peer_id > ? ORDER BY peer_id LIMIT ?',
        service,
        shard,
        page.after ?? '',
        page.limit,
      )
      .map(row => text(row, 'peer_id')),
})
