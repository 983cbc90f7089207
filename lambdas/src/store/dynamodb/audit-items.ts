/** Audit entries as items: those of the chain, and events that wait for their place in it. */
import type { AuditEntry, AuditEvent } from '@agent-mesh/protocol/audit'
import { randomBytes } from 'node:crypto'
import { number, text, type Item } from './item.ts'
import { keys, type Key } from './table.ts'

const detailOf = (item: Item) =>
  item['detail'] === undefined ? {} : { detail: JSON.parse(text(item, 'detail')) as Record<string, unknown> }

const fieldsOf = ({ at, who, what, detail }: AuditEvent | AuditEntry): Item => ({
  at,
  who,
  what,
  detail: detail === undefined ? undefined : JSON.stringify(detail),
})

export const entryFromItem = (item: Item): AuditEntry => ({
  seq: number(item, 'seq'),
  at: number(item, 'at'),
  who: text(item, 'who'),
  what: text(item, 'what'),
  ...detailOf(item),
  prev: text(item, 'prev'),
  hash: text(item, 'hash'),
})

export const entryItem = (entry: AuditEntry): Item & Key => ({
  ...keys.audit(entry.seq),
  seq: entry.seq,
  ...fieldsOf(entry),
  prev: entry.prev,
  hash: entry.hash,
})

export const eventFromItem = (item: Item): AuditEvent => ({
  at: number(item, 'at'),
  who: text(item, 'who'),
  what: text(item, 'what') as AuditEvent['what'],
  ...detailOf(item),
})

/** In order of time; two of the same millisecond in any. */
export const waitingItem = (event: AuditEvent): Item & Key => ({
  ...keys.waitingAuditEvent(event.at, randomBytes(9).toString('base64url')),
  ...fieldsOf(event),
})
