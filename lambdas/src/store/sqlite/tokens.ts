import { MeshError } from '@agent-mesh/protocol/errors'
import type { NewToken, Token } from '../model.ts'
import { tokenId } from '../token-id.ts'
import { list, number, optionalNumber, optionalText, text } from './columns.ts'
import type { Row } from './database.ts'
import type { SqliteInit } from './init.ts'

const fromRow = (row: Row): Token => ({
  hash: text(row, 'hash'),
  ...optionalText(row, 'name', 'name'),
  roles: list(row, 'roles'),
  tags: list(row, 'tags'),
  ...optionalText(row, 'region', 'region'),
  ephemeral: number(row, 'ephemeral') === 1,
  uses: number(row, 'uses'),
  left: number(row, 'left'),
  createdAt: number(row, 'created_at'),
  createdBy: text(row, 'created_by'),
  expiresAt: number(row, 'expires_at'),
  ...optionalNumber(row, 'revoked_at', 'revokedAt'),
})

/** Join tokens on SQLite. */
export const tokens = ({ db, clock }: SqliteInit) => ({
  createToken(token: NewToken): Token {
    db.run(
      'INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)',
      tokenId(token.hash),
      token.hash,
      token.name ?? null,
      JSON.stringify(token.roles),
      JSON.stringify(token.tags),
      token.region ?? null,
      token.ephemeral ? 1 : 0,
      token.uses,
      token.uses,
      token.createdAt,
      token.createdBy,
      token.expiresAt,
    )
    return { ...token, left: token.uses }
  },

  listTokens: (page: { after?: string; limit: number }): Token[] =>
    db
      .all('SELECT * FROM tokens WHERE id > ? ORDER BY id LIMIT ?', page.after ?? '', page.limit)
      .map(fromRow),

  revokeToken(id: string): Token {
    const row = db.get(
      'UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? RETURNING *',
      clock.now(),
      id,
    )
    if (row === undefined) throw new MeshError('not_found', `Cannot revoke token ${id}: it is unknown`)
    return fromRow(row)
  },

  /** Takes one use inside the caller's transaction. @throws MeshError token_invalid */
  takeUse(hash: string): Token {
    const refuse = (reason: string) =>
      new MeshError('token_invalid', `Cannot redeem join token: it ${reason}`, {
        hint: 'Ask an admin for a new one: agent-mesh token create.',
      })
    const row = db.get('SELECT * FROM tokens WHERE id = ? AND hash = ?', tokenId(hash), hash)
    if (row === undefined) throw refuse('is unknown')
    const token = fromRow(row)
    if (token.revokedAt !== undefined) throw refuse('was revoked')
    if (token.expiresAt <= clock.now()) throw refuse(`expired at ${new Date(token.expiresAt).toISOString()}`)
    if (token.left === 0) throw refuse(`was used ${token.uses} of ${token.uses} times`)
    db.run('UPDATE tokens SET left = left - 1 WHERE id = ?', tokenId(hash))
    return token
  },
})
