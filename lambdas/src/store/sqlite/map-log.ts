import { mapLogRetentionMs } from '../../defaults.ts'
import type { MapLogEntry, MapHeads } from '../model.ts'
import { mapGap } from '../refusals.ts'
import type { AuditOf } from '../store.ts'
import { number, text } from '../sql/columns.ts'
import { changeFromRow } from '../sql/rows.ts'
import type { audit } from './audit.ts'
import type { SqliteInit } from './init.ts'

interface Needs extends SqliteInit {
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** The numbers of the shards and the changes behind them. */
export const mapLog = ({ db, clock, audit }: Needs) => ({
  /** Takes the next number of the shard and logs the change under it, in the caller's transaction. */
  append(shard: number, peerId: string, gone: string | null): number {
    const row = db.get('UPDATE shards SET v = v + 1 WHERE shard = ? RETURNING v', shard) ?? {}
    const v = number(row, 'v')
    db.run('INSERT INTO map_log VALUES (?, ?, ?, ?, ?)', shard, v, peerId, gone, clock.now())
    return v
  },

  readHeads: (): MapHeads => ({
    epoch: text(db.get('SELECT value FROM epoch') ?? {}, 'value'),
    v: db.all('SELECT v FROM shards ORDER BY shard').map(row => number(row, 'v')),
  }),

  /** The caller holds the transaction. */
  renewEpoch(auditOf?: AuditOf<void>): void {
    db.run('UPDATE epoch SET value = lower(hex(randomblob(8)))')
    if (auditOf !== undefined) audit.record(auditOf())
  },

  readChanges(shard: number, { after, limit }: { after: number; limit: number }): MapLogEntry[] {
    const head = number(db.get('SELECT v FROM shards WHERE shard = ?', shard) ?? {}, 'v')
    const changes = db
      .all('SELECT * FROM map_log WHERE shard = ? AND v > ? ORDER BY v LIMIT ?', shard, after, limit)
      .map(changeFromRow)
    const [first] = changes
    const missing = first === undefined ? after !== head : first.v !== after + 1
    if (missing || (first !== undefined && first.at + mapLogRetentionMs < clock.now()))
      throw mapGap(shard, after)
    return changes
  },
})
