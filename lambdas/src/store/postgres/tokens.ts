import { MeshError } from '@agent-mesh/protocol/errors'
import type { NewToken, Redemption, Token } from '../model.ts'
import { tokenId } from '../token-id.ts'
import { mustGiveRole, tokenRefused } from '../token-refused.ts'
import type { Row } from '../sql/columns.ts'
import { tokenFromRow } from '../sql/token-row.ts'
import type { Sql } from './database.ts'
import type { PostgresInit } from './init.ts'

const fromRow = (row: Row): Token => tokenFromRow(row, 'left_uses')

/** Join tokens on PostgreSQL. */
export const tokens = ({ db, clock }: PostgresInit) => ({
  async createToken(token: NewToken): Promise<Token> {
    const values = [
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
    ] as const
    await db.transaction(tx =>
      tx.run(
        'INSERT INTO tokens VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL)',
        ...values,
      ),
    )
    return { ...token, left: token.uses }
  },

  listTokens: async ({ after = '', limit }: { after?: string; limit: number }): Promise<Token[]> =>
    (await db.all('SELECT * FROM tokens WHERE id > $1 ORDER BY id LIMIT $2', after, limit)).map(fromRow),

  async revokeToken(id: string): Promise<Token> {
    const row = await db.transaction(tx =>
      tx.get(
        'UPDATE tokens SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2 RETURNING *',
        clock.now(),
        id,
      ),
    )
    if (row === undefined) throw new MeshError('not_found', `Cannot revoke token ${id}: it is unknown`)
    return fromRow(row)
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
