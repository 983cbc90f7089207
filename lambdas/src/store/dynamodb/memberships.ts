import { amended } from '../amended.ts'
import type { Amendment, Enrolment } from '../parts/enrolments.ts'
import type { Token } from '../parts/tokens.ts'
import { checkSerial, lapsed, nameTaken } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { auditOutbox } from './audit-outbox.ts'
import type { mapChanges } from './changes.ts'
import { again, contend } from './contention.ts'
import { unchanged } from './directory.ts'
import type { Write } from './dynamo.ts'
import { enrolmentEnder } from './ending.ts'
import { allOf, when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { enrolmentOf, memberFromItem, type MemberItem, type memberItems } from './member-items.ts'
import type { memberNames } from './names.ts'
import { takeUpTo } from './pages.ts'
import { keys } from './table.ts'
import type { tokens } from './tokens.ts'

interface Needs extends DynamoInit {
  members: ReturnType<typeof memberItems>
  changes: ReturnType<typeof mapChanges>
  names: ReturnType<typeof memberNames>
  tokens: ReturnType<typeof tokens>
  audit: Pick<ReturnType<typeof auditOutbox>, 'record'>
}

/** What admins see and change of enrolments, and how they end, on DynamoDB. */
export const memberships = (init: Needs) => {
  const { db, clock, queue, members, audit } = init
  const writesToEnd = enrolmentEnder(init)
  const amend = amender(init)

  const end = async (peerId: string, serial: string, auditOf?: AuditOf<Enrolment>) => {
    const found = checkSerial(await members.find(peerId), { peerId, serial }, 'remove member')
    const enrolment = enrolmentOf(found)
    const won = await db.transact([
      ...(await writesToEnd(found)),
      ...(auditOf === undefined ? [] : [audit.record(auditOf(enrolment))]),
    ])
    return won ? enrolment : again
  }

  return {
    async listEnrolments(shard: number, { after, limit }: { after?: string; limit: number }) {
      const pages = db.query(keys.members(shard), {
        ...(after === undefined || after === '' ? {} : { after }),
        page: limit,
      })
      const found = (await takeUpTo(limit, pages)).map(memberFromItem)
      const next = found.length < limit ? undefined : found.at(-1)?.peerId
      const enrolments = found.filter(each => !lapsed(each, clock.now())).map(enrolmentOf)
      return { enrolments, ...(next === undefined ? {} : { next }) }
    },

    amendEnrolment: (amendment: Amendment, auditOf?: AuditOf<Enrolment>): Promise<Enrolment> =>
      contend('change member', () => amend(amendment, auditOf)),

    endEnrolment: (peerId: string, serial: string, auditOf?: AuditOf<Enrolment>): Promise<Enrolment> =>
      queue.run(`end ${peerId}`, () => contend('remove member', () => end(peerId, serial, auditOf))),

    freeName: nameFreer({ ...init, writesToEnd }),
  }
}

const amender =
  ({ db, members, names, audit }: Needs) =>
  async (amendment: Amendment, auditOf?: AuditOf<Enrolment>): Promise<Enrolment | typeof again> => {
    const found = checkSerial(await members.find(amendment.peerId), amendment, 'change member')
    const next = amended(found, amendment)
    if (next === undefined) return enrolmentOf(found)
    const { shard, peerId, name, tags, region } = next
    if (name !== found.name) {
      const holder = await names.holderOf(name)
      if (holder !== undefined && holder !== peerId) throw nameTaken('change member', name, holder)
    }
    const own = when('attribute_not_exists(pk) OR #peerId = :own', { ':own': peerId })
    const won = await db.transact([
      {
        update: keys.member(shard, peerId),
        change: { set: { name, tags, region } },
        // Nor was it amended meanwhile.
        when: allOf(unchanged(found), when('#name = :before', { ':before': found.name })),
      },
      ...(name === found.name
        ? []
        : [
            { put: { ...keys.name(name), peerId }, when: own },
            { delete: keys.name(found.name), when: own },
          ]),
      ...(auditOf === undefined ? [] : [audit.record(auditOf(enrolmentOf(next)))]),
    ])
    return won ? enrolmentOf(next) : again
  }

/**
 * Frees the name of a token that replaces, in a transaction of its own: the holder and the new member may share a shard, whose
 * number a transaction may write once. The token notes what ended, so that a crash between the two forgets nothing.
 */
const nameFreer =
  ({
    db,
    members,
    names,
    tokens,
    writesToEnd,
  }: Needs & { writesToEnd: (member: MemberItem) => Promise<Write[]> }) =>
  /** @returns whether an enrolment ended: then everything is read again */
  async (token: Token, peerId: string): Promise<boolean> => {
    const { name, replace } = token
    const holder = name === undefined || replace !== true ? undefined : await names.holderOf(name)
    if (name === undefined || holder === undefined || holder === peerId) return false
    const found = await members.find(holder)
    const held = when('#peerId = :holder', { ':holder': holder })
    // A revoked member loses only the name: its key stays refused.
    const living = found?.revokedAt === undefined && found?.name === name ? found : undefined
    await db.transact([
      tokens.noteReplaced(token, living),
      ...(living === undefined ? [{ delete: keys.name(name), when: held }] : await writesToEnd(living)),
    ])
    return true
  }
