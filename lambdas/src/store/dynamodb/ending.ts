import type { mapChanges } from './changes.ts'
import { countBy, unchanged } from './directory.ts'
import type { Write } from './dynamo.ts'
import { when, type Condition } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import type { MemberItem } from './member-items.ts'
import { keys } from './table.ts'

interface Needs extends Pick<DynamoInit, 'db' | 'maxMembers'> {
  changes: ReturnType<typeof mapChanges>
}

/**
 * The writes of one transaction that forget a member as it was read: enrolment, pair, name and its place in the count.
 * @param whenStill what must hold of its item @default it has not changed
 */
export const enrolmentEnder =
  ({ db, maxMembers, changes }: Needs) =>
  async (member: MemberItem, whenStill: Condition = unchanged(member)): Promise<Write[]> => {
    const { shard, peerId, name } = member
    // Another member may have taken it since it was free.
    const holder = (await db.get(keys.name(name)))?.['peerId']
    const change =
      member.record === undefined
        ? undefined
        : changes.next(member, await changes.number(shard), { gone: member.serial })
    return [
      { delete: keys.member(shard, peerId), when: whenStill },
      ...(holder === peerId
        ? [{ delete: keys.name(name), when: when('#peerId = :own', { ':own': peerId }) }]
        : []),
      ...(change?.writes ?? []),
      ...(member.counted ? [countBy(-1, maxMembers)] : []),
    ]
  }
