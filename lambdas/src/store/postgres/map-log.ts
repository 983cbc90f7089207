import { randomBytes } from 'node:crypto'
import { mapLogRetentionMs } from '../../defaults.ts'
import type { MapLogEntry, MapHeads } from '../model.ts'
import { mapGap } from '../refusals.ts'
import { number, text } from '../sql/columns.ts'
import { changeFromRow } from '../sql/rows.ts'
import type { AuditOf } from '../store.ts'
import type { audit } from './audit.ts'
import type { Sql } from './database.ts'
import type { PostgresInit } from './init.ts'

interface Needs extends PostgresInit {
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** The numbers of the shards and the changes behind them. */
export const mapLog = ({ db, clock, audit }: Needs) => ({
  /**
   * Takes the next number of the shard and logs the change under it. The row stays locked until the commit, so numbers
   * appear in order; a sequence would give them out of order and leave gaps.
   */
  async append(tx: Sql, shard: number, peerId: string, gone: string | null): Promise<number> {
    const row = await tx.get('UPDATE shards SET v = v + 1 WHERE shard = $1 RETURNING v', shard)
    const v = number(row ?? {}, 'v')
    await tx.run('INSERT INTO map_log VALUES ($1, $2, $3, $4, $5)', shard, v, peerId, gone, clock.now())
    await db.notify(tx)
    return v
  },

  async readHeads(): Promise<MapHeads> {
    const rows = await db.all('SELECT (SELECT value FROM epoch) AS epoch, v FROM shards ORDER BY shard')
    return { epoch: text(rows[0] ?? {}, 'epoch'), v: rows.map(row => number(row, 'v')) }
  },

  renewEpoch: (auditOf?: AuditOf<void>): Promise<void> =>
    db.transaction(async tx => {
      await tx.run('UPDATE epoch SET value = $1', randomBytes(8).toString('hex'))
      await db.notify(tx)
      if (auditOf !== undefined) await audit.record(tx, auditOf())
    }),

  async readChanges(
    shard: number,
    { after, limit }: { after: number; limit: number },
  ): Promise<MapLogEntry[]> {
    // One statement sees one moment: a number without its change would look like a gap.
    const rows = await db.all(
      `SELECT s.v AS head, l.v, l.peer_id, l.gone, l.at FROM shards s
       LEFT JOIN map_log l ON l.shard = s.shard AND l.v > $2 WHERE s.shard = $1 ORDER BY l.v LIMIT $3`,
      shard,
      after,
      limit,
    )
    const head = number(rows[0] ?? {}, 'head')
    const changes = rows.filter(row => row['v'] !== null).map(changeFromRow)
    const [first] = changes
    const missing = first === undefined ? after !== head : first.v !== after + 1
    if (missing || (first !== undefined && first.at + mapLogRetentionMs < clock.now()))
      throw mapGap(shard, after)
    return changes
  },
})
