import { tombstoneMs } from '../../defaults.ts'
import type { MapEntry, Member } from '../parts/directory.ts'
import { flag, list, number, optionalText, text, type Row } from './columns.ts'

/**
 * A pair with the lease by which it is online: that of its relay with the same epoch, or a relay's own.
 * @param now the placeholder of the time
 */
export const selectMembers = (now: string): string => `
  SELECT m.peer_id, m.shard, m.v, m.incarnation, m.serial, m.record, m.services, m.updated_at,
    coalesce(m.region, e.region) AS region, e.name, e.roles, e.tags, e.credential, h.relay AS home,
    EXISTS (SELECT 1 FROM leases l WHERE l.relay = m.peer_id AND l.expires_at > ${now})
    OR EXISTS (SELECT 1 FROM leases l WHERE h.up AND l.relay = h.relay AND l.epoch = h.epoch AND l.expires_at > ${now})
    AS online, coalesce(h.up, false) AS leased
  FROM members m LEFT JOIN enrolments e ON e.peer_id = m.peer_id LEFT JOIN homes h ON h.peer_id = m.peer_id`

/** Condition of what is in the map. */
export const isListed = 'm.record IS NOT NULL AND e.credential IS NOT NULL AND e.revoked_at IS NULL'

const memberFromRow = (row: Row): Member => ({
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
  online: flag(row, 'online'),
  ...optionalText(row, 'home', 'home'),
  leased: flag(row, 'leased'),
})

/** In the order asked for; those that were not found are left out. */
export function membersInOrder(peerIds: readonly string[], rows: readonly Row[]): Member[] {
  const found = new Map(rows.map(row => [text(row, 'peer_id'), row]))
  return peerIds.flatMap(peerId => {
    const row = found.get(peerId)
    return row === undefined ? [] : [memberFromRow(row)]
  })
}

/** A pair, or the tombstone of one. */
export const entryFromRow = (row: Row): MapEntry =>
  row['record'] !== null
    ? memberFromRow(row)
    : {
        shard: number(row, 'shard'),
        v: number(row, 'v'),
        peerId: text(row, 'peer_id'),
        gone: text(row, 'serial'),
      }

/** A pair or its tombstone, unless that has lapsed. */
export const remembered = (row: Row | undefined, now: number): Row | undefined =>
  row?.['record'] === null && number(row, 'updated_at') + tombstoneMs < now ? undefined : row
