import { tombstoneMs } from '../../defaults.ts'
import type { MapEntry, Member } from '../model.ts'
import { list, number, optionalText, text } from './columns.ts'
import type { Row } from './database.ts'
import type { PostgresInit } from './init.ts'

/** A pair with who vouches that it is online: its relay's living lease of the same epoch, or a relay's own lease. */
const select = `
  SELECT m.peer_id, m.shard, m.v, m.incarnation, m.serial, m.record, m.services, m.updated_at,
    coalesce(m.region, e.region) AS region, e.name, e.roles, e.tags, e.credential, h.relay AS home,
    EXISTS (SELECT 1 FROM leases l WHERE l.relay = m.peer_id AND l.expires_at > $1)
    OR EXISTS (SELECT 1 FROM leases l WHERE h.up AND l.relay = h.relay AND l.epoch = h.epoch AND l.expires_at > $1)
    AS online, coalesce(h.up, false) AS leased
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
  online: row['online'] === true,
  ...optionalText(row, 'home', 'home'),
  leased: row['leased'] === true,
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

/** Reads of pairs on PostgreSQL. */
export const members = ({ db, clock }: PostgresInit) => ({
  async readMembers(peerIds: readonly string[]): Promise<Member[]> {
    const rows = await db.all(`${select} WHERE ${living} AND m.peer_id = ANY($2)`, clock.now(), peerIds)
    const found = new Map(rows.map(row => [text(row, 'peer_id'), row]))
    return peerIds.flatMap(peerId => {
      const row = found.get(peerId)
      return row === undefined ? [] : [fromRow(row)]
    })
  },

  listShard: async (shard: number, page: { after: number; limit: number }): Promise<MapEntry[]> => {
    const now = clock.now()
    const rows = await db.all(
      `${select} WHERE (${living} OR (m.record IS NULL AND m.updated_at >= $2))
       AND m.shard = $3 AND m.v > $4 ORDER BY m.v LIMIT $5`,
      now,
      now - tombstoneMs,
      shard,
      page.after,
      page.limit,
    )
    return rows.map(entryFromRow)
  },

  listProviders: async (
    service: string,
    shard: number,
    { after = '', limit }: { after?: string; limit: number },
  ): Promise<string[]> => {
    const rows = await db.all(
      'SELECT peer_id FROM services WHERE service = $1 AND shard = $2 AND peer_id > $3 ORDER BY peer_id LIMIT $4',
      service,
      shard,
      after,
      limit,
    )
    return rows.map(row => text(row, 'peer_id'))
  },
})
