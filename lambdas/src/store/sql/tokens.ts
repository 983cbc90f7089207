import { MeshError } from '@agent-mesh/protocol/errors'
import type { NewToken, Token } from '../parts/tokens.ts'
import type { Redemption } from '../parts/enrolments.ts'
import type { AuditOf } from '../parts/audit.ts'
import { tokenId } from '../token-id.ts'
import { mustGiveRole, tokenRefused } from '../token-refused.ts'
import type { Audit } from './audit.ts'
import { flag, list, number, optionalNumber, optionalText, text, type Row } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { all, get, run, type Script } from './script.ts'

const reader =
  (usesLeft: string) =>
  (row: Row): Token => ({
    hash: text(row, 'hash'),
    ...optionalText(row, 'name', 'name'),
    roles: list(row, 'roles'),
    tags: list(row, 'tags'),
    ...optionalText(row, 'region', 'region'),
    ephemeral: flag(row, 'ephemeral'),
    uses: number(row, 'uses'),
    left: number(row, usesLeft),
    createdAt: number(row, 'created_at'),
    createdBy: text(row, 'created_by'),
    expiresAt: number(row, 'expires_at'),
    ...optionalNumber(row, 'revoked_at', 'revokedAt'),
    ...optionalText(row, 'note', 'note'),
    ...(flag(row, 'replaces') ? { replace: true } : {}),
    ...optionalText(row, 'replaced', 'replaced'),
  })

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

/** What a redemption does with its token, in its own transaction. */
const tokenUses = ({ clock, dialect }: Pick<SqlInit, 'clock' | 'dialect'>) => {
  const fromRow = reader(dialect.usesLeft)
  const select = 'SELECT * FROM tokens WHERE id = $1 AND hash = $2'
  const selectToUse = `${select} ${dialect.locking()}`
  const takeOne = `UPDATE tokens SET ${dialect.usesLeft} = ${dialect.usesLeft} - 1 WHERE id = $1`
  return {
    /** Serial of what ended when the token was redeemed. */
    *replacedBy(hash: string): Script<string | undefined> {
      const row = yield* get(select, tokenId(hash), hash)
      return row && fromRow(row).replaced
    },

    *noteReplaced(hash: string, serial: string): Script<void> {
      yield* run('UPDATE tokens SET replaced = $1 WHERE id = $2', serial, tokenId(hash))
    },

    /** Takes one use. @throws MeshError token_invalid, permission_denied */
    *takeUse({ tokenHash: hash, role }: Redemption): Script<Token> {
      const row = yield* get(selectToUse, tokenId(hash), hash)
      const token = row && fromRow(row)
      const refused = tokenRefused(token, clock.now())
      if (refused !== undefined || token === undefined) throw refused
      mustGiveRole(token, role)
      yield* run(takeOne, tokenId(hash))
      return token
    },
  }
}

/** Join tokens. */
export const tokens = ({ clock, dialect, audit }: SqlInit & { audit: Audit }) => {
  const fromRow = reader(dialect.usesLeft)
  const selectToRevoke = `SELECT * FROM tokens WHERE id = $1 ${dialect.locking()}`
  return {
    uses: tokenUses({ clock, dialect }),

    reads: {
      *listTokens({ after = '', limit }: { after?: string; limit: number }): Script<Token[]> {
        const rows = yield* all('SELECT * FROM tokens WHERE id > $1 ORDER BY id LIMIT $2', after, limit)
        return rows.map(fromRow)
      },
    },

    writes: {
      *createToken(token: NewToken, auditOf?: AuditOf<Token>): Script<Token> {
        yield* run(
          'INSERT INTO tokens VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, $13, $14, NULL)',
          ...valuesOf(token),
        )
        const created = { ...token, left: token.uses }
        if (auditOf !== undefined) yield* audit.record(auditOf(created))
        return created
      },

      *revokeToken(id: string, auditOf?: AuditOf<Token>): Script<Token> {
        const row = yield* get(selectToRevoke, id)
        if (row === undefined) throw new MeshError('not_found', `Cannot revoke token ${id}: it is unknown`)
        const stored = fromRow(row)
        if (stored.revokedAt !== undefined) return stored
        const token = { ...stored, revokedAt: clock.now() }
        yield* run('UPDATE tokens SET revoked_at = $1 WHERE id = $2', token.revokedAt, id)
        if (auditOf !== undefined) yield* audit.record(auditOf(token))
        return token
      },
    },
  }
}

export type TokenUses = ReturnType<typeof tokenUses>
