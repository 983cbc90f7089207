import { MeshError } from '@agent-mesh/protocol/errors'
import type { NewToken, Redemption, Token } from '../model.ts'
import type { AuditOf } from '../store.ts'
import { tokenId } from '../token-id.ts'
import { mustGiveRole, tokenRefused } from '../token-refused.ts'
import type { Row } from '../sql/columns.ts'
import { tokenFromRow } from '../sql/token-row.ts'
import type { audit } from './audit.ts'
import type { SqliteInit } from './init.ts'

const fromRow = (row: Row): Token => tokenFromRow(row, 'left')

interface Needs extends SqliteInit {
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** Join tokens on SQLite; of writes the caller holds the transaction. */
export const tokens = ({ db, clock, audit }: Needs) => ({
  createToken(token: NewToken, auditOf?: AuditOf<Token>): Token {
    db.run(
      'INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, NULL)',
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
      token.note ?? null,
      token.replace === true ? 1 : 0,
    )
    const created = { ...token, left: token.uses }
    if (auditOf !== undefined) audit.record(auditOf(created))
    return created
  },

  listTokens: (page: { after?: string; limit: number }): Token[] =>
    db
      .all('SELECT * FROM tokens WHERE id > ? ORDER BY id LIMIT ?', page.after ?? '', page.limit)
      .map(fromRow),

  revokeToken(id: string, auditOf?: AuditOf<Token>): Token {
    const stored = db.get('SELECT * FROM tokens WHERE id = ?', id)
    if (stored === undefined) throw new MeshError('not_found', `Cannot revoke token ${id}: it is unknown`)
    if (stored['revoked_at'] !== null) return fromRow(stored)
    const row = db.get('UPDATE tokens SET revoked_at = ? WHERE id = ? RETURNING *', clock.now(), id)
    const token = fromRow(row ?? {})
    if (auditOf !== undefined) audit.record(auditOf(token))
    return token
  },

  /** What ended when the token was redeemed. */
  replacedBy: (hash: string): string | undefined => {
    const row = db.get('SELECT * FROM tokens WHERE id = ? AND hash = ?', tokenId(hash), hash)
    return row && fromRow(row).replaced
  },

  noteReplaced(hash: string, serial: string): void {
    db.run('UPDATE tokens SET replaced = ? WHERE id = ?', serial, tokenId(hash))
  },

  /** Takes one use inside the caller's transaction. @throws MeshError token_invalid */
  takeUse({ tokenHash: hash, role }: Redemption): Token {
    const row = db.get('SELECT * FROM tokens WHERE id = ? AND hash = ?', tokenId(hash), hash)
    const token = row && fromRow(row)
    const refused = tokenRefused(token, clock.now())
    if (refused !== undefined || token === undefined) throw refused
    mustGiveRole(token, role)
    db.run('UPDATE tokens SET left = left - 1 WHERE id = ?', tokenId(hash))
    return token
  },
})
