/** Rows of the small tables. */
import type { HeadPart, HealthRollUp, Lease, MapLogEntry } from '../model.ts'
import { number, optionalText, text, type Row } from './columns.ts'

export const headPartFromRow = (row: Row): HeadPart => ({
  name: text(row, 'name'),
  number: number(row, 'number'),
  document: text(row, 'document'),
  writtenAt: number(row, 'written_at'),
})

export const leaseFromRow = (row: Row): Lease => ({
  relay: text(row, 'relay'),
  epoch: text(row, 'epoch'),
  seq: number(row, 'seq'),
  reportedAt: number(row, 'reported_at'),
  expiresAt: number(row, 'expires_at'),
  status: text(row, 'status'),
})

export const rollUpFromRow = (row: Row): HealthRollUp => ({
  at: number(row, 'at'),
  region: text(row, 'region'),
  document: text(row, 'document'),
})

export const changeFromRow = (row: Row): MapLogEntry => ({
  v: number(row, 'v'),
  peerId: text(row, 'peer_id'),
  ...optionalText(row, 'gone', 'gone'),
  at: number(row, 'at'),
})
