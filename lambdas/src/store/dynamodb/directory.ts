import { shardOf } from '@agent-mesh/protocol/map-cursor'
import type { MapWrite, NewRecord } from '../parts/directory.ts'
import { pacedAfter } from '../record-pace.ts'
import { beatsStored, checkSerial, full, notInMap } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { auditOutbox } from './audit-outbox.ts'
import type { mapChanges } from './changes.ts'
import { again, contend } from './contention.ts'
import type { Write } from './dynamo.ts'
import { allOf, asRead, when, type Condition } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { remembersIncarnation, type MemberItem, type memberItems } from './member-items.ts'
import { keys } from './table.ts'

interface Needs extends DynamoInit {
  members: ReturnType<typeof memberItems>
  changes: ReturnType<typeof mapChanges>
  audit: Pick<ReturnType<typeof auditOutbox>, 'record'>
}

/** Its enrolment and its pair have not changed since they were read, and it is not revoked. */
export const unchanged = ({ serial, v, revokedAt }: MemberItem): Condition =>
  allOf(when('#serial = :serial', { ':serial': serial }), asRead('revokedAt', revokedAt), asRead('v', v))

/** Changes the count of members; an increase stays within the bound. */
export const countBy = (by: 1 | -1, maxMembers: number): Write => ({
  update: keys.memberCount,
  change: { add: { n: by } },
  ...(by === 1 && {
    when: when('attribute_not_exists(#n) OR #n < :most', { ':most': maxMembers }),
  }),
})

/** The numbered map on DynamoDB. */
export const directory = ({ db, clock, maxMembers, queue, members, changes, audit }: Needs) => {
  const put = async (record: NewRecord): Promise<MapWrite | typeof again> => {
    const { peerId } = record
    const shard = await shardOf(peerId)
    // Both at once: the shorter the time between reading and writing, the fewer races are lost.
    const [found, head] = await Promise.all([members.find(peerId), changes.number(shard)])
    const member = checkSerial(found, record, 'publish record')
    const { incarnation, record: stored } = member
    const mustBeat = incarnation !== undefined && remembersIncarnation(member, clock.now())
    if (mustBeat && !beatsStored(record, { incarnation, record: stored }))
      return { written: false, shard, v: member.v ?? 0 }
    const pacedUntil = pacedAfter(member.pacedUntil, clock.now())
    const back = !member.counted
    if (back && (await members.count()) >= maxMembers) throw full('publish record', maxMembers)
    const { v, set, writes } = changes.next(member, head, { put: record })
    const written = await db.transact([
      {
        update: keys.member(shard, peerId),
        change: { set: { ...set, counted: true, pacedUntil } },
        when: unchanged(member),
      },
      ...writes,
      ...(back ? [countBy(1, maxMembers)] : []),
      ...(back && member.ephemeral ? [{ put: { ...keys.ephemeral(peerId) } }] : []),
    ])
    return written ? { written: true, shard, v } : again
  }

  const remove = async (
    peerId: string,
    serial: string,
    auditOf?: AuditOf<MapWrite>,
  ): Promise<MapWrite | typeof again> => {
    const shard = await shardOf(peerId)
    const [found, head] = await Promise.all([members.find(peerId), changes.number(shard)])
    const member = checkSerial(found, { peerId, serial }, 'remove member')
    if (member.record === undefined) throw notInMap(peerId)
    const { v, set, writes } = changes.next(member, head, { gone: serial })
    const removed: MapWrite = { written: true, shard, v }
    const written = await db.transact([
      {
        update: keys.member(shard, peerId),
        change: { set: { ...set, counted: false } },
        when: unchanged(member),
      },
      ...writes,
      ...(member.counted ? [countBy(-1, maxMembers)] : []),
      ...(auditOf === undefined ? [] : [audit.record(auditOf(removed))]),
    ])
    return written ? removed : again
  }

  return {
    putMember: (record: NewRecord): Promise<MapWrite> =>
      inShard(record.peerId, () => contend('publish record', () => put(record))),
    removeMember: (peerId: string, serial: string, auditOf?: AuditOf<MapWrite>): Promise<MapWrite> =>
      inShard(peerId, () => contend('remove member', () => remove(peerId, serial, auditOf))),
  }

  /** Writers of one shard would only contend for its number. */
  async function inShard<T>(peerId: string, work: () => Promise<T>): Promise<T> {
    return queue.run(`shard ${await shardOf(peerId)}`, work)
  }
}
