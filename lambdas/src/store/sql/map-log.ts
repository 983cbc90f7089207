import { randomBytes } from 'node:crypto'
import { mapLogRetentionMs } from '../../defaults.ts'
import type { MapLogEntry, MapHeads } from '../parts/directory.ts'
import { mapGap } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { Audit } from './audit.ts'
import { number, optionalText, text, type Row } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { all, get, run, type Script } from './script.ts'

const changeFromRow = (row: Row): MapLogEntry => ({
  v: number(row, 'v'),
  peerId: text(row, 'peer_id'),
  ...optionalText(row, 'gone', 'gone'),
  at: number(row, 'at'),
})

const changesAfter = `
  SELECT v, peer_id, gone, at FROM map_log WHERE shard = $1 AND v > $2 ORDER BY v LIMIT $3`

/** When nothing follows: one statement reads one snapshot, so no change was written between the two reads. */
const headOfNone = `
  SELECT v FROM shards s WHERE shard = $1
  AND NOT EXISTS (SELECT 1 FROM map_log l WHERE l.shard = s.shard AND l.v > $2)`

/** The numbers of the shards and the changes behind them. */
export const mapLog = ({ clock, dialect, audit }: SqlInit & { audit: Audit }) => ({
  /**
   * Takes the next number of the shard and logs the change under it. The row stays locked until the commit, so numbers
   * appear in order; a sequence would number them out of order and leave gaps.
   */
  *append(shard: number, peerId: string, gone: string | null): Script<number> {
    const row = yield* get('UPDATE shards SET v = v + 1 WHERE shard = $1 RETURNING v', shard)
    const v = number(row ?? {}, 'v')
    yield* run('INSERT INTO map_log VALUES ($1, $2, $3, $4, $5)', shard, v, peerId, gone, clock.now())
    yield* dialect.announce()
    return v
  },

  reads: {
    *readHeads(): Script<MapHeads> {
      const rows = yield* all('SELECT (SELECT value FROM epoch) AS epoch, v FROM shards ORDER BY shard')
      return { epoch: text(rows[0] ?? {}, 'epoch'), v: rows.map(row => number(row, 'v')) }
    },

    *readChanges(shard: number, { after, limit }: { after: number; limit: number }): Script<MapLogEntry[]> {
      const changes = (yield* all(changesAfter, shard, after, limit)).map(changeFromRow)
      const [first] = changes
      if (first === undefined) {
        const head = yield* get(headOfNone, shard, after)
        if (head !== undefined && number(head, 'v') !== after) throw mapGap(shard, after)
      } else if (first.v !== after + 1 || first.at + mapLogRetentionMs < clock.now())
        throw mapGap(shard, after)
      return changes
    },
  },

  writes: {
    *renewEpoch(auditOf?: AuditOf<void>): Script<void> {
      yield* run('UPDATE epoch SET value = $1', randomBytes(8).toString('hex'))
      yield* dialect.announce()
      if (auditOf !== undefined) yield* audit.record(auditOf())
    },
  },
})

export type MapLog = ReturnType<typeof mapLog>
