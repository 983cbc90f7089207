import type { Token } from '../model.ts'
import { flag, list, number, optionalNumber, optionalText, text, type Row } from './columns.ts'

/** @param left the column of the uses that are left: not every database takes that word */
export const tokenFromRow = (row: Row, left: string): Token => ({
  hash: text(row, 'hash'),
  ...optionalText(row, 'name', 'name'),
  roles: list(row, 'roles'),
  tags: list(row, 'tags'),
  ...optionalText(row, 'region', 'region'),
  ephemeral: flag(row, 'ephemeral'),
  uses: number(row, 'uses'),
  left: number(row, left),
  createdAt: number(row, 'created_at'),
  createdBy: text(row, 'created_by'),
  expiresAt: number(row, 'expires_at'),
  ...optionalNumber(row, 'revoked_at', 'revokedAt'),
  ...optionalText(row, 'note', 'note'),
  ...(flag(row, 'replaces') ? { replace: true } : {}),
  ...optionalText(row, 'replaced', 'replaced'),
})
