import { MeshError } from '@agent-mesh/protocol/errors'
import type { Enrolment } from '../parts/enrolments.ts'
import type { NewToken, Token } from '../parts/tokens.ts'
import type { AuditOf } from '../parts/audit.ts'
import { tokenId } from '../token-id.ts'
import { tokenRefused } from '../token-refused.ts'
import type { auditOutbox } from './audit-outbox.ts'
import { again, contend } from './contention.ts'
import type { Write } from './dynamo.ts'
import { when, type Condition } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { list, number, optional, text, type Item } from './item.ts'
import { takeUpTo } from './pages.ts'
import { keys } from './table.ts'

const fromItem = (item: Item): Token => ({
  hash: text(item, 'hash'),
  ...optional<'name', string>(item, 'name'),
  roles: list(item, 'roles'),
  tags: list(item, 'tags'),
  ...optional<'region', string>(item, 'region'),
  ephemeral: item['ephemeral'] === true,
  uses: number(item, 'uses'),
  left: number(item, 'left'),
  createdAt: number(item, 'createdAt'),
  createdBy: text(item, 'createdBy'),
  expiresAt: number(item, 'expiresAt'),
  ...optional<'revokedAt', number>(item, 'revokedAt'),
  ...optional<'note', string>(item, 'note'),
  ...(item['replace'] === true ? { replace: true } : {}),
  ...optional<'replaced', string>(item, 'replaced'),
  ...optional<'replacedPeer', string>(item, 'replacedPeer'),
})

interface Needs extends DynamoInit {
  audit: Pick<ReturnType<typeof auditOutbox>, 'record'>
}

type Ended = Pick<Token, 'replaced' | 'replacedPeer'>

/** Join tokens on DynamoDB. */
export const tokens = ({ db, clock, audit }: Needs) => ({
  async createToken(token: NewToken, auditOf?: AuditOf<Token>): Promise<Token> {
    const created = { ...token, left: token.uses }
    const put = { put: { ...keys.token(tokenId(token.hash)), ...created } }
    if (auditOf === undefined) await db.write(put)
    else await db.transact([put, audit.record(auditOf(created))])
    return created
  },

  listTokens: async ({ after, limit }: { after?: string; limit: number }): Promise<Token[]> =>
    (
      await takeUpTo(limit, db.query(keys.tokens, { ...(after === undefined ? {} : { after }), page: limit }))
    ).map(fromItem),

  revokeToken: (id: string, auditOf?: AuditOf<Token>): Promise<Token> =>
    contend('revoke token', async () => {
      const item = await db.get(keys.token(id))
      if (item === undefined) throw new MeshError('not_found', `Cannot revoke token ${id}: it is unknown`)
      const stored = fromItem(item)
      if (stored.revokedAt !== undefined) return stored
      const token = { ...stored, revokedAt: clock.now() }
      const won = await db.transact([
        {
          update: keys.token(id),
          change: { set: { revokedAt: token.revokedAt } },
          when: when('attribute_exists(pk) AND attribute_not_exists(#revokedAt)'),
        },
        ...(auditOf === undefined ? [] : [audit.record(auditOf(token))]),
      ])
      return won ? token : again
    }),

  /** @throws MeshError token_invalid */
  async usable(hash: string): Promise<Token> {
    const item = await db.get(keys.token(tokenId(hash)))
    const token = item?.['hash'] === hash ? fromItem(item) : undefined
    const refused = tokenRefused(token, clock.now())
    if (refused !== undefined || token === undefined) throw refused
    return token
  },

  /** What ended when the token was redeemed. */
  replacedBy: async (hash: string): Promise<Ended> => {
    const item = await db.get(keys.token(tokenId(hash)))
    return item?.['hash'] === hash ? fromItem(item) : {}
  },

  /** Notes what a use of the token ends, as a part of a transaction that is for a token with a use left. */
  noteReplaced: (token: Token, ended: Pick<Enrolment, 'serial' | 'peerId'> | undefined): Write => ({
    update: keys.token(tokenId(token.hash)),
    change: { set: { replace: true, ...(ended && { replaced: ended.serial, replacedPeer: ended.peerId }) } },
    when: usable(token),
  }),

  /** Takes one use as a part of a transaction. */
  useOf: (token: Token): Write => ({
    update: keys.token(tokenId(token.hash)),
    change: { add: { left: -1 } },
    when: usable(token),
  }),
})

const usable = ({ hash }: Token): Condition =>
  when('#hash = :hash AND #left > :zero AND attribute_not_exists(#revokedAt)', { ':hash': hash, ':zero': 0 })
