import { shardOf } from '@agent-mesh/protocol/map-cursor'
import { leaseMs, leaseRetentionMs, reportWrites } from '../../defaults.ts'
import type { Lease, LeaseReport } from '../parts/presence.ts'
import { orderOfReport, strayReport } from '../refusals.ts'
import { again, contend } from './contention.ts'
import { allOf, asRead, when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number, text, type Item } from './item.ts'
import { takeUpTo } from './pages.ts'
import { keys, ttlAfter } from './table.ts'

const fromItem = (item: Item): Lease => ({
  relay: text(item, 'sk'),
  epoch: text(item, 'epoch'),
  seq: number(item, 'seq'),
  reportedAt: number(item, 'reportedAt'),
  expiresAt: number(item, 'expiresAt'),
  status: text(item, 'status'),
})

/** Moves the agents of a report, some at a time. */
const mover = ({ db, clock }: DynamoInit) => {
  const moveIn = async (
    { relay, epoch, seq }: LeaseReport,
    { peerId, homeSeq }: LeaseReport['up'][number],
  ) => {
    await db.write({
      update: keys.member(await shardOf(peerId), peerId),
      change: {
        set: { home: relay, homeEpoch: epoch, homeReport: seq, homeSeq, homeUp: true, homeAt: clock.now() },
      },
      when: when(
        `attribute_exists(pk) AND attribute_not_exists(#revokedAt) AND (attribute_not_exists(#homeSeq) OR
         #homeSeq < :seq OR (#homeSeq = :seq AND #home = :relay AND (#homeEpoch <> :epoch OR #homeReport <= :report)))`,
        { ':seq': homeSeq, ':relay': relay, ':epoch': epoch, ':report': seq },
      ),
    })
  }

  const moveOut = async ({ relay, epoch, seq }: LeaseReport, peerId: string) => {
    await db.write({
      update: keys.member(await shardOf(peerId), peerId),
      change: { set: { homeUp: false, homeAt: clock.now() } },
      when: when('#home = :relay AND (#homeEpoch <> :epoch OR #homeReport <= :report)', {
        ':relay': relay,
        ':epoch': epoch,
        ':report': seq,
      }),
    })
  }

  return async (report: LeaseReport): Promise<void> => {
    const moves = [
      ...report.up.map(up => () => moveIn(report, up)),
      ...report.down.map(peerId => () => moveOut(report, peerId)),
    ]
    for (let i = 0; i < moves.length; i += reportWrites)
      await Promise.all(moves.slice(i, i + reportWrites).map(move => move()))
  }
}

/**
 * Leases and homes on DynamoDB. A report of 500 agents fits no transaction, so homes are moved first, each by a write
 * that may be repeated, and the lease follows: a process that dies in between leaves a report that the relay sends again. A home
 * carries the place of the report that moved it, so a report that comes late undoes nothing.
 */
export const presence = (init: DynamoInit) => {
  const { db, clock } = init
  const moveAll = mover(init)
  const writeLease = async (
    { relay, epoch, seq, status }: LeaseReport,
    stored: Lease | undefined,
  ): Promise<Lease | typeof again> => {
    const reportedAt = clock.now()
    const lease = { epoch, seq, status, reportedAt, expiresAt: reportedAt + leaseMs }
    const written = await db.write({
      put: { ...keys.lease(relay), ...lease, ttl: ttlAfter(lease.expiresAt + leaseRetentionMs) },
      when: allOf(asRead('epoch', stored?.epoch), asRead('seq', stored?.seq)),
    })
    return written ? { relay, ...lease } : again
  }

  return {
    applyReport: (report: LeaseReport): Promise<Lease> =>
      contend('apply relay report', async () => {
        const item = await db.get(keys.lease(report.relay))
        const stored = item && fromItem(item)
        const place = orderOfReport(stored, report)
        if (place === 'stray') throw strayReport(report, stored)
        if (place === 'next') await moveAll(report)
        return writeLease(report, stored)
      }),

    async readLeases(): Promise<Lease[]> {
      const items = await takeUpTo(Infinity, db.query(keys.leases))
      return items.map(fromItem).filter(({ expiresAt }) => expiresAt > clock.now())
    },
  }
}
