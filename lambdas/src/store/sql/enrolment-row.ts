import type { Enrolment } from '../model.ts'
import { flag, list, number, optionalNumber, optionalText, text, type Row } from './columns.ts'

/** An enrolment with the columns that callers of the store do not see. */
export type EnrolmentRow = Enrolment & { shard: number; counted: boolean }

export const enrolmentFromRow = (row: Row): EnrolmentRow => ({
  peerId: text(row, 'peer_id'),
  shard: number(row, 'shard'),
  serial: text(row, 'serial'),
  name: text(row, 'name'),
  roles: list(row, 'roles'),
  tags: list(row, 'tags'),
  ...optionalText(row, 'region', 'region'),
  ephemeral: flag(row, 'ephemeral'),
  tokenHash: text(row, 'token_hash'),
  createdAt: number(row, 'created_at'),
  expiresAt: number(row, 'expires_at'),
  ...optionalText(row, 'credential', 'credential'),
  ...optionalNumber(row, 'revoked_at', 'revokedAt'),
  counted: flag(row, 'counted'),
})
