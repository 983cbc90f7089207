import { shardCount } from '@agent-mesh/protocol/map-cursor'
import { sweepMs } from '../../defaults.ts'
import { graceMs } from '../refusals.ts'
import type { mapChanges } from './changes.ts'
import { again, contend } from './contention.ts'
import { unchanged } from './directory.ts'
import { enrolmentEnder } from './ending.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { memberFromItem, type MemberItem, type memberItems } from './member-items.ts'
import { keys } from './table.ts'

interface Needs extends DynamoInit {
  members: ReturnType<typeof memberItems>
  changes: ReturnType<typeof mapChanges>
}

/** Ends enrolments that lapsed; all other items are deleted by their TTL. One process a day does it for all. */
export const sweeper = ({ db, clock, maxMembers, members, changes }: Needs) => {
  const writesOf = enrolmentEnder({ db, maxMembers, changes })
  const itsMyTurn = (now: number): Promise<boolean> =>
    db.write({
      update: keys.sweep,
      change: { set: { at: now } },
      when: when('attribute_not_exists(#at) OR #at <= :due', { ':due': now - sweepMs }),
    })

  const end = async (peerId: string): Promise<void | typeof again> => {
    const member = await members.stored(peerId)
    if (member === undefined || (await members.find(peerId)) !== undefined) return
    const ended = await db.transact(await writesOf(member, stillLapsed(member)))
    return ended ? undefined : again
  }

  return async (): Promise<void> => {
    const now = clock.now()
    if (!(await itsMyTurn(now))) return
    for (let shard = 0; shard < shardCount; shard++) {
      const lapsed = db.query(keys.members(shard), {
        where: when('attribute_not_exists(#revokedAt) AND #expiresAt < :lapsed', {
          ':lapsed': now - graceMs,
        }),
      })
      for await (const page of lapsed)
        for (const item of page) await contend('end enrolment', () => end(memberFromItem(item).peerId))
    }
  }
}

const stillLapsed = (member: MemberItem) => {
  const { expression, values } = unchanged(member)
  return when(`${expression} AND #expiresAt = :expiry`, { ...values, ':expiry': member.expiresAt })
}
