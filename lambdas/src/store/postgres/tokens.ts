import { MeshError } from '@agent-mesh/protocol/errors'
import type { NewToken, Redemption, Token } from '../model.ts'
import type { AuditOf } from '../store.ts'
import { tokenId } from '../token-id.ts'
import { mustGiveRole, tokenRefused } from '../token-refused.ts'
import type { Row } from '../sql/columns.ts'
import { tokenFromRow } from '../sql/token-row.ts'
import type { audit } from './audit.ts'
import type { Sql } from './database.ts'
import type { PostgresInit } from './init.ts'

const fromRow = (row: Row): Token => tokenFromRow(row, 'left_uses')

interface Needs extends PostgresInit {
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** In the order of the columns that are set when it is made. */
const valuesOf = (token: NewToken) =>
  [
    tokenId(token.hash),
    token.hash,
    token.name ?? null,
    JSON.stringify(token.roles),
    JSON.stringify(token.tags),
    token.region ?? null,
    token.ephemeral,
    token.uses,
    token.uses,
    token.createdAt,
    token.createdBy,
    token.expiresAt,
    token.note ?? null,
    token.replace === true,
  ] as const

/** Join tokens on PostgreSQL. */
export const tokens = ({ db, clock, audit }: Needs) => ({
  async createToken(token: NewToken, auditOf?: AuditOf<Token>): Promise<Token> {
    const created = { ...token, left: token.uses }
    await db.transaction(async tx => {
      await tx.run(
        'INSERT INTO tokens VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, $13, $14, NULL)',
        ...valuesOf(token),
      )
      if (auditOf !== undefined) await audit.record(tx, auditOf(created))
    })
    return created
  },

  listTokens: async ({ after = '', limit }: { after?: string; limit: number }): Promise<Token[]> =>
    (await db.all('SELECT * FROM tokens WHERE id > $1 ORDER BY id LIMIT $2', after, limit)).map(fromRow),

  revokeToken: (id: string, auditOf?: AuditOf<Token>): Promise<Token> =>
    db.transaction(async tx => {
      const stored = await tx.get('SELECT * FROM tokens WHERE id = $1 FOR UPDATE', id)
      if (stored === undefined) throw new MeshError('not_found', `Cannot revoke token ${id}: it is unknown`)
      if (stored['revoked_at'] !== null) return fromRow(stored)
      const row = await tx.get('UPDATE tokens SET revoked_at = $1 WHERE id = $2 RETURNING *', clock.now(), id)
      const token = fromRow(row ?? {})
      if (auditOf !== undefined) await audit.record(tx, auditOf(token))
      return token
    }),

  /** What ended when the token was redeemed. */
  async replacedBy(tx: Sql, hash: string): Promise<string | undefined> {
    const row = await tx.get('SELECT * FROM tokens WHERE id = $1 AND hash = $2', tokenId(hash), hash)
    return row && fromRow(row).replaced
  },

  async noteReplaced(tx: Sql, hash: string, serial: string): Promise<void> {
    await tx.run('UPDATE tokens SET replaced = $1 WHERE id = $2', serial, tokenId(hash))
  },

  /** Takes one use inside the caller's transaction. @throws MeshError token_invalid */
  async takeUse(tx: Sql, { tokenHash: hash, role }: Redemption): Promise<Token> {
    const row = await tx.get(
      'SELECT * FROM tokens WHERE id = $1 AND hash = $2 FOR UPDATE',
      tokenId(hash),
      hash,
    )
    const token = row && fromRow(row)
    const refused = tokenRefused(token, clock.now())
    if (refused !== undefined || token === undefined) throw refused
    mustGiveRole(token, role)
    await tx.run('UPDATE tokens SET left_uses = left_uses - 1 WHERE id = $1', tokenId(hash))
    return token
  },
})
