/** A numbered change of the map as writes of one transaction. */
import { randomBytes } from 'node:crypto'
import { shardCount } from '@agent-mesh/protocol/map-cursor'
import { mapLogRetentionMs, tombstoneMs } from '../../defaults.ts'
import type { MapHeads, NewRecord } from '../parts/directory.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { auditOutbox } from './audit-outbox.ts'
import type { Write } from './dynamo.ts'
import { asRead, when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number, text, type Item } from './item.ts'
import { remembersIncarnation, type MemberItem } from './member-items.ts'
import { keys, ttlAfter } from './table.ts'

/** Keys by service name: `math` and `math@1` are one item, so that a record of 32 services fits a transaction. */
const byName = (services: readonly string[]): Map<string, string[]> => {
  const grouped = new Map<string, string[]>()
  for (const key of services) {
    const name = key.split('@', 1)[0] ?? key
    grouped.set(name, [...(grouped.get(name) ?? []), key])
  }
  return grouped
}

const serviceWrites = (
  shard: number,
  peerId: string,
  before: readonly string[],
  after: readonly string[],
): Write[] => {
  const old = byName(before)
  const next = byName(after)
  const gone = [...old.keys()].filter(name => !next.has(name))
  const put = [...next].filter(([name, refs]) => old.get(name)?.join() !== refs.join())
  return [
    ...gone.map(name => ({ delete: keys.provider(name, shard, peerId) })),
    ...put.map(([name, refs]) => ({ put: { ...keys.provider(name, shard, peerId), refs } })),
  ]
}

/** What a change does: puts a record, or removes the pair. */
export type MapAct = { put: NewRecord } | { gone: string }

export interface NumberedChange {
  v: number
  /** Of the member's own item; more may be set in the same write. */
  set: Item
  /** All but the member's own item. */
  writes: Write[]
}

interface Needs extends Pick<DynamoInit, 'db' | 'clock'> {
  audit: Pick<ReturnType<typeof auditOutbox>, 'record'>
}

/** Takes the next number of the shard: conditional on the one just read, so that numbers have no gaps and rise. */
export const mapChanges = ({ db, clock, audit }: Needs) => ({
  /** Of the shard, as it is stored. */
  number: async (shard: number): Promise<number | undefined> =>
    (await db.get(keys.shard(shard)))?.['v'] as number | undefined,

  /** @param read the shard's number just read */
  next(stored: MemberItem, read: number | undefined, act: MapAct): NumberedChange {
    const { shard, peerId } = stored
    const v = (read ?? 0) + 1
    const at = clock.now()
    const put = 'put' in act ? act.put : undefined
    const gone = 'gone' in act ? act.gone : undefined
    return {
      v,
      set: {
        v,
        updatedAt: at,
        record: put?.record,
        services: put?.services,
        recordRegion: put?.region,
        ...(put === undefined ? {} : { incarnation: put.incarnation }),
      },
      writes: [
        { update: keys.shard(shard), change: { set: { v } }, when: asRead('v', read) },
        {
          put: {
            ...keys.change(shard, v),
            v,
            peerId,
            at,
            gone,
            ...(gone === undefined ? {} : { ttl: ttlAfter(at + tombstoneMs) }),
          },
        },
        ...(stored.v === undefined || collected(stored, at) ? [] : [superseded(shard, stored.v, at)]),
        ...serviceWrites(shard, peerId, stored.services, put?.services ?? []),
      ],
    }
  },

  /** The same record with another credential, under a new number. @param read the shard's number just read */
  retold(stored: MemberItem, read: number | undefined): NumberedChange {
    const { shard, peerId } = stored
    const v = (read ?? 0) + 1
    const at = clock.now()
    return {
      v,
      set: { v },
      writes: [
        { update: keys.shard(shard), change: { set: { v } }, when: asRead('v', read) },
        { put: { ...keys.change(shard, v), v, peerId, at } },
        ...(stored.v === undefined ? [] : [superseded(shard, stored.v, at)]),
      ],
    }
  },

  async renewEpoch(auditOf?: AuditOf<void>): Promise<void> {
    await db.transact([{ put: newEpoch() }, ...(auditOf === undefined ? [] : [audit.record(auditOf())])])
  },

  heads: () => heads(db),
})

async function heads(db: DynamoInit['db']): Promise<MapHeads> {
  const { epoch, v } = await readHeads(db)
  if (epoch !== '') return { epoch, v }
  // The first caller writes the epoch of a new table.
  await db.write({ put: newEpoch(), when: when('attribute_not_exists(pk)') })
  return readHeads(db)
}

const newEpoch = () => ({ ...keys.epoch, value: randomBytes(8).toString('hex') })

async function readHeads(db: DynamoInit['db']): Promise<MapHeads> {
  const v = new Array<number>(shardCount).fill(0)
  let epoch = ''
  for await (const page of db.query(keys.shards))
    for (const item of page)
      if (item['sk'] === keys.epoch.sk) epoch = text(item, 'value')
      else v[Number(item['sk'])] = number(item, 'v')
  return { epoch, v }
}

/** A tombstone whose change may have been deleted already. */
const collected = (stored: MemberItem, now: number): boolean =>
  stored.record === undefined && !remembersIncarnation(stored, now)

/** The log keeps it as long as cursors may need it; it no longer stands for its member. */
const superseded = (shard: number, v: number, at: number): Write => ({
  update: keys.change(shard, v),
  change: { set: { superseded: true, ttl: ttlAfter(at + mapLogRetentionMs) } },
})
