import { randomBytes } from 'node:crypto'
import {
  auditRoot,
  nextAuditEntry,
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
} from '@agent-mesh/protocol/audit'
import { again, contend } from './contention.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number, text, type Item } from './item.ts'
import { takeUpTo } from './pages.ts'
import { keys, padded } from './table.ts'

const entryFromItem = (item: Item): AuditEntry => ({
  seq: number(item, 'seq'),
  at: number(item, 'at'),
  who: text(item, 'who'),
  what: text(item, 'what'),
  ...(item['detail'] === undefined
    ? {}
    : { detail: JSON.parse(text(item, 'detail')) as Record<string, unknown> }),
  prev: text(item, 'prev'),
  hash: text(item, 'hash'),
})

/**
 * The audit chain on DynamoDB: one conditional put an entry, under the number after the newest. Its partitions are
 * blocks of numbers, so that the newest is found without reading the others: the first entry of a block leaves a hint,
 * and whoever begins looks from there on.
 */
export const audit = ({ db, queue }: Pick<DynamoInit, 'db' | 'queue'>) => {
  /** The newest entry this process knows of; others may have written since. */
  let known: AuditHead | undefined

  const startOf = async (): Promise<AuditHead> => {
    let block = number((await db.get(keys.auditHint)) ?? {}, 'block')
    while ((await db.get(keys.auditBlockStart(block + 1))) !== undefined) block++
    const [last] = await takeUpTo(1, db.query(keys.auditBlock(block), { newestFirst: true, page: 1 }))
    return last === undefined ? auditRoot : entryFromItem(last)
  }

  /** Reads on from what is known: one entry or none. */
  const newest = async (): Promise<AuditHead> => {
    let { seq, hash } = (known ??= await startOf())
    for (;;) {
      const block = keys.blockOf(seq + 1)
      const newer = { after: padded(seq), newestFirst: true, page: 1 }
      const [last] = await takeUpTo(1, db.query(keys.auditBlock(block), newer))
      if (last === undefined) break
      ;({ seq, hash } = entryFromItem(last))
      // A block with room left: the next one has not begun.
      if (keys.blockOf(seq + 1) === block) break
    }
    return (known = { seq, hash })
  }

  const put = async (event: AuditEvent, claim: string): Promise<void | typeof again> => {
    const { seq, hash, detail, ...rest } = nextAuditEntry(await newest(), event)
    const json = detail === undefined ? undefined : JSON.stringify(detail)
    const written = await db.write({
      put: { ...keys.audit(seq), seq, hash, ...rest, detail: json, claim },
      // A repetition after a lost answer finds its own.
      when: when('attribute_not_exists(pk) OR #claim = :claim', { ':claim': claim }),
    })
    if (!written) return again
    known = { seq, hash }
    const block = keys.blockOf(seq)
    if (keys.audit(seq).sk === keys.auditBlockStart(block).sk)
      await db.write({ put: { ...keys.auditHint, block } })
  }

  return {
    readAuditHead: newest,

    appendAudit: (event: AuditEvent): Promise<void> =>
      queue.run('audit', () =>
        contend('append to the audit log', () => put(event, randomBytes(9).toString('base64url'))),
      ),

    async listAudit({ after = 0, limit }: { after?: number; limit: number }): Promise<AuditEntry[]> {
      const items: Item[] = []
      for (let from = after; items.length < limit;) {
        const room = limit - items.length
        const block = keys.auditBlock(keys.blockOf(from + 1))
        const found = await takeUpTo(room, db.query(block, { after: padded(from), page: room }))
        if (found.length === 0) break
        items.push(...found)
        from = number(found.at(-1) ?? {}, 'seq')
      }
      return items.map(entryFromItem)
    },
  }
}
