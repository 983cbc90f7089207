import { randomBytes } from 'node:crypto'
import {
  auditRoot,
  nextAuditEntry,
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
} from '@agent-mesh/protocol/audit'
import { entryFromItem, entryItem } from './audit-items.ts'
import type { Write } from './dynamo.ts'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number, type Item } from './item.ts'
import { takeUpTo } from './pages.ts'
import { keys, padded } from './table.ts'

/**
 * Finds the end of the chain. Its partitions are blocks of numbers, so that the others need not be read: the first entry of
 * a block leaves a hint, and a new process searches from there.
 */
const chainEnd = ({ db }: Pick<DynamoInit, 'db'>) => {
  /** The newest entry this process knows of; others may have written since. */
  let known: AuditHead | undefined

  const startOf = async (): Promise<AuditHead> => {
    let block = number((await db.get(keys.auditHint)) ?? {}, 'block')
    while ((await db.get(keys.auditBlockStart(block + 1))) !== undefined) block++
    const [last] = await takeUpTo(1, db.query(keys.auditBlock(block), { newestFirst: true, page: 1 }))
    return last === undefined ? auditRoot : entryFromItem(last)
  }

  /** Reads from the newest known entry: one entry or none. */
  const newest = async (): Promise<AuditHead> => {
    let { seq, hash } = (known ??= await startOf())
    for (;;) {
      const block = keys.blockOf(seq + 1)
      const newer = { after: padded(seq), newestFirst: true, page: 1 }
      const [last] = await takeUpTo(1, db.query(keys.auditBlock(block), newer))
      if (last === undefined) break
      ;({ seq, hash } = entryFromItem(last))
      // A block with room left: the next one has no entries.
      if (keys.blockOf(seq + 1) === block) break
    }
    return (known = { seq, hash })
  }

  return { newest, remember: ({ seq, hash }: AuditHead) => void (known = { seq, hash }) }
}

/** The audit chain on DynamoDB: an entry is put under the number after the newest, on condition that it is free. */
export const auditChain = ({ db, queue }: Pick<DynamoInit, 'db' | 'queue'>) => {
  const end = chainEnd({ db })

  /** One entry alone, for the price of a put. A repetition after a lost answer finds its own by the claim. */
  const putOne = (entry: AuditEntry): Promise<boolean> => {
    const claim = randomBytes(9).toString('base64url')
    return db.write({
      put: { ...entryItem(entry), claim },
      when: when('attribute_not_exists(pk) OR #claim = :claim', { ':claim': claim }),
    })
  }

  const putAll = (entries: readonly AuditEntry[], writes: readonly Write[]): Promise<boolean> =>
    db.transact(
      [
        ...entries.map(entry => ({ put: entryItem(entry), when: when('attribute_not_exists(pk)') })),
        ...writes,
      ],
      true,
    )

  const append = async (events: readonly AuditEvent[], writes: readonly Write[]): Promise<boolean> => {
    let head = await end.newest()
    const entries = events.map(event => (head = nextAuditEntry(head, event)) as AuditEntry)
    const [first] = entries
    if (first === undefined) return true
    const written = await (writes.length === 0 && entries.length === 1
      ? putOne(first)
      : putAll(entries, writes))
    if (!written) return false
    end.remember(head)
    const block = keys.blockOf(head.seq)
    if (first.seq <= keys.blockStart(block)) await db.write({ put: { ...keys.auditHint, block } })
    return true
  }

  return {
    /** With `writes` in one transaction. False when another process took the place. */
    append: (events: readonly AuditEvent[], writes: readonly Write[] = []): Promise<boolean> =>
      queue.run('audit', () => append(events, writes)),

    readAuditHead: end.newest,

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
