import { shardOf } from '@agent-mesh/protocol/map-cursor'
import type { Enrolment, Joined, Redeemed, Redemption } from '../parts/enrolments.ts'
import type { Token } from '../parts/tokens.ts'
import { full, lapsed, notEnrolled, revoked } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { auditOutbox } from './audit-outbox.ts'
import type { mapChanges } from './changes.ts'
import { again, contend } from './contention.ts'
import { credentialRecorder } from './credentials.ts'
import { countBy, unchanged } from './directory.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { enrolmentOf, type MemberItem, type memberItems } from './member-items.ts'
import type { memberships } from './memberships.ts'
import type { memberNames } from './names.ts'
import { mustGiveRole } from '../token-refused.ts'
import { keys } from './table.ts'
import type { tokens } from './tokens.ts'

interface Needs extends DynamoInit {
  members: ReturnType<typeof memberItems>
  changes: ReturnType<typeof mapChanges>
  names: ReturnType<typeof memberNames>
  tokens: ReturnType<typeof tokens>
  memberships: Pick<ReturnType<typeof memberships>, 'freeName'>
  audit: Pick<ReturnType<typeof auditOutbox>, 'record'>
}

/** Enrolments on DynamoDB. */
export const enrolments = (init: Needs) => {
  const { clock, queue, members, names } = init
  const redeem = redeemer(init)
  const revoke = revoker(init)
  return {
    /** One redemption of a token at a time in this process: they would contend for its uses and the next free name. */
    redeem: (redemption: Redemption, auditOf?: AuditOf<Joined>): Promise<Redeemed> =>
      queue.run(`token ${redemption.tokenHash}`, () => contend('enrol', () => redeem(redemption, auditOf))),

    async readEnrolment(peerId: string): Promise<Enrolment | undefined> {
      const found = await members.find(peerId)
      return found && enrolmentOf(found)
    },

    async findEnrolment(by: { serial: string } | { name: string }): Promise<Enrolment | undefined> {
      const peerId = 'serial' in by ? await members.peerOfSerial(by.serial) : await names.holderOf(by.name)
      const found = peerId === undefined ? undefined : await members.find(peerId)
      return found && enrolmentOf(found)
    },

    recordCredential: credentialRecorder(init),

    revokeMember: (peerId: string, auditOf?: AuditOf<Enrolment>): Promise<Enrolment> =>
      contend('revoke', () => revoke(peerId, clock.now(), auditOf)),
  }
}

const redeemer =
  ({ db, clock, maxMembers, members, changes, names, tokens, memberships, audit }: Needs) =>
  async (redemption: Redemption, auditOf?: AuditOf<Joined>): Promise<Redeemed | typeof again> => {
    const { peerId, serial, expiresAt, tokenHash } = redemption
    const stored = await members.stored(peerId)
    const old = stored === undefined || lapsed(stored, clock.now()) ? undefined : stored
    if (old?.revokedAt !== undefined) throw revoked('enrol')
    if (old?.tokenHash === tokenHash) {
      const before = old.credential === undefined ? await tokens.replacedBy(tokenHash) : {}
      return { enrolment: enrolmentOf(old), fresh: false, ...endedBy(before) }
    }
    const token = await tokens.usable(tokenHash)
    mustGiveRole(token, redemption.role)
    if (await memberships.freeName(token, peerId)) return again
    const counted = token.roles.some(role => role === 'agent' || role === 'relay')
    const by = Number(counted) - Number(stored?.counted ?? false)
    if (by === 1 && (await members.count()) >= maxMembers) throw full('enrol', maxMembers)
    const shard = await shardOf(peerId)
    const wish = (token.uses === 1 ? token.name : undefined) ?? redemption.requestedName
    const { name, writes } = await names.choose(wish, peerId, stored?.name)
    const change =
      stored?.record === undefined
        ? undefined
        : changes.next(stored, await changes.number(shard), { gone: stored.serial })
    const item = memberOf(token, redemption, clock.now())
    const enrolment: Enrolment = { peerId, serial, name, expiresAt, ...item }
    const won = await db.transact([
      tokens.useOf(token),
      {
        update: keys.member(shard, peerId),
        change: {
          set: { ...change?.set, ...item, shard, serial, name, expiresAt, counted, credential: undefined },
        },
        when: stored === undefined ? when('attribute_not_exists(pk)') : unchanged(stored),
      },
      ...writes,
      ...(change?.writes ?? []),
      ...(by === 0 ? [] : [countBy(by as 1 | -1, maxMembers)]),
      ...(counted && item.ephemeral ? [{ put: { ...keys.ephemeral(peerId) } }] : []),
      ...(auditOf === undefined ? [] : [audit.record(auditOf({ ...enrolment, ...endedBy(token) }))]),
    ])
    return won ? { enrolment, fresh: true, ...endedBy(token) } : again
  }

const endedBy = ({ replaced, replacedPeer }: Pick<Token, 'replaced' | 'replacedPeer'>) => ({
  ...(replaced === undefined ? {} : { replaced }),
  ...(replacedPeer === undefined ? {} : { replacedPeer }),
})

const memberOf = (token: Token, { requestedRegion, ephemeral = false }: Redemption, createdAt: number) => {
  const region = token.region ?? requestedRegion
  return {
    roles: token.roles,
    tags: token.tags,
    ...(region === undefined ? {} : { region }),
    ephemeral: token.ephemeral || ephemeral,
    tokenHash: token.hash,
    createdAt,
  }
}

const revoker =
  ({ db, maxMembers, members, changes, audit }: Needs) =>
  async (peerId: string, now: number, auditOf?: AuditOf<Enrolment>): Promise<Enrolment | typeof again> => {
    const member = await members.find(peerId)
    if (member === undefined) throw notEnrolled(peerId)
    const enrolment: MemberItem = { ...member, revokedAt: member.revokedAt ?? now }
    const change =
      member.record === undefined
        ? undefined
        : changes.next(member, await changes.number(member.shard), { gone: member.serial })
    const won = await db.transact([
      {
        update: keys.member(member.shard, peerId),
        change: { set: { ...change?.set, revokedAt: enrolment.revokedAt, counted: false } },
        when: unchanged(member),
      },
      ...(change?.writes ?? []),
      ...(member.counted ? [countBy(-1, maxMembers)] : []),
      ...(auditOf === undefined || member.revokedAt !== undefined
        ? []
        : [audit.record(auditOf(enrolmentOf(enrolment)))]),
    ])
    return won ? enrolmentOf(enrolment) : again
  }
