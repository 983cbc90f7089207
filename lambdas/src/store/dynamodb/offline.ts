import { credentialDays } from '@agent-mesh/protocol/credential'
import { shardCount } from '@agent-mesh/protocol/map-cursor'
import { offlineMs, removalPage, sweepMs } from '../../defaults.ts'
import type { Enrolment } from '../parts/enrolments.ts'
import { lapsed } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { auditOutbox } from './audit-outbox.ts'
import type { mapChanges } from './changes.ts'
import { again, contend } from './contention.ts'
import { countBy, unchanged } from './directory.ts'
import { allOf, asRead, when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number, text, type Item } from './item.ts'
import { enrolmentOf, memberFromItem, type memberItems } from './member-items.ts'
import { keys } from './table.ts'

interface Needs extends DynamoInit {
  members: ReturnType<typeof memberItems>
  changes: ReturnType<typeof mapChanges>
  audit: Pick<ReturnType<typeof auditOutbox>, 'record'>
}

const lifeMs = credentialDays.life * 24 * 3600_000

/** Removes one if it is still offline too long, unless it comes online meanwhile. */
const remover = ({ db, clock, maxMembers, members, changes, audit }: Needs) => {
  /** The newest sign of life; undefined while a lease says that the member is online. */
  const lastSign = async (item: Item): Promise<number | undefined> => {
    const member = memberFromItem(item)
    const home = item['homeUp'] === true ? await db.get(keys.lease(text(item, 'home'))) : undefined
    const own = member.roles.includes('relay') ? await db.get(keys.lease(member.peerId)) : undefined
    const leases = [own, home?.['epoch'] === item['homeEpoch'] ? home : undefined].filter(
      lease => lease !== undefined,
    )
    if (leases.some(lease => number(lease, 'expiresAt') > clock.now())) return undefined
    const reports = leases.map(lease => number(lease, 'reportedAt'))
    return Math.max(member.updatedAt, member.homeAt ?? 0, member.expiresAt - lifeMs, ...reports)
  }

  return async (
    peerId: string,
    auditOf?: AuditOf<Enrolment>,
  ): Promise<Enrolment | undefined | typeof again> => {
    const item = await db.get(await members.key(peerId))
    if (item === undefined) return undefined
    const member = memberFromItem(item)
    if (member.record === undefined || member.revokedAt !== undefined) return undefined
    const sign = await lastSign(item)
    const patience = member.ephemeral ? offlineMs.ephemeral : offlineMs.usual
    if (sign === undefined || sign > clock.now() - patience) return undefined
    const { set, writes } = changes.next(member, await changes.number(member.shard), { gone: member.serial })
    const won = await db.transact([
      {
        update: keys.member(member.shard, peerId),
        change: { set: { ...set, counted: false } },
        // Nor has a relay seen it since.
        when: allOf(unchanged(member), asRead('homeAt', member.homeAt)),
      },
      ...writes,
      ...(member.counted ? [countBy(-1, maxMembers)] : []),
      ...(member.ephemeral ? [{ delete: keys.ephemeral(peerId) }] : []),
      ...(auditOf === undefined ? [] : [audit.record(auditOf(enrolmentOf(member)))]),
    ])
    return won ? enrolmentOf(member) : again
  }
}

/**
 * Removes members from the map that were offline for too long. Ephemeral members have a row each, so that no others are read
 * for them; the others are searched once a day, by the age of their credential: members that are online renew it each week.
 */
export const offlineMembers = (init: Needs) => {
  const { db, clock, members } = init
  const remove = remover(init)

  const removeAll = async (
    peerIds: AsyncIterable<string>,
    auditOf: AuditOf<Enrolment> | undefined,
  ): Promise<Enrolment[]> => {
    const removed: Enrolment[] = []
    for await (const peerId of peerIds) {
      const enrolment = await contend('remove member', () => remove(peerId, auditOf))
      if (enrolment !== undefined) removed.push(enrolment)
      if (removed.length >= removalPage) break
    }
    return removed
  }

  async function* ephemerals(): AsyncGenerator<string> {
    for await (const page of db.query(keys.ephemerals))
      for (const row of page) {
        const peerId = text(row, 'sk')
        const member = await members.stored(peerId)
        const over = member === undefined || member.revokedAt !== undefined || lapsed(member, clock.now())
        if (over) await db.write({ delete: keys.ephemeral(peerId) })
        else yield peerId
      }
  }

  async function* silent(): AsyncGenerator<string> {
    const before = clock.now() - offlineMs.usual + lifeMs
    const where = when(
      'attribute_exists(#record) AND attribute_not_exists(#revokedAt) AND #expiresAt <= :before',
      {
        ':before': before,
      },
    )
    for (let shard = 0; shard < shardCount; shard++)
      for await (const page of db.query(keys.members(shard), { where }))
        for (const item of page) yield text(item, 'sk')
  }

  const isDue = (now: number): Promise<boolean> =>
    db.write({
      update: keys.offlineSweep,
      change: { set: { at: now } },
      when: when('attribute_not_exists(#at) OR #at <= :due', { ':due': now - sweepMs }),
    })

  return {
    removeOffline: async (auditOf?: AuditOf<Enrolment>): Promise<Enrolment[]> => {
      const soon = await removeAll(ephemerals(), auditOf)
      return (await isDue(clock.now())) ? [...soon, ...(await removeAll(silent(), auditOf))] : soon
    },
  }
}
