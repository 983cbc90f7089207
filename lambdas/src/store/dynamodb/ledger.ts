import { randomUUID } from 'node:crypto'
import type { AuditEntry } from '../model.ts'
import { again, contend } from './contention.ts'
import { asRead, when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number, text, type Item } from './item.ts'
import { takeUpTo } from './pages.ts'
import { keys, padded, ttlAfter } from './table.ts'

const entryFromItem = (item: Item): AuditEntry & { id: number } => ({
  id: number(item, 'id'),
  at: number(item, 'at'),
  who: text(item, 'who'),
  what: text(item, 'what'),
  ...(item['detail'] === undefined
    ? {}
    : { detail: JSON.parse(text(item, 'detail')) as Record<string, unknown> }),
})

/** Nonces and audit entries on DynamoDB. */
export const ledger = ({ db, clock, queue }: DynamoInit) => {
  const lastId = async (): Promise<number | undefined> =>
    (await db.get(keys.auditCount))?.['n'] as number | undefined

  return {
    /** `claim` tells a repetition after a lost answer from another use. */
    claimNonce: (nonce: string, expiresAt: number): Promise<boolean> => {
      const claim = randomUUID()
      return db.write({
        put: { ...keys.nonce(nonce), expiresAt, claim, ttl: ttlAfter(expiresAt) },
        when: when('attribute_not_exists(pk) OR #expiresAt <= :now OR #claim = :claim', {
          ':now': clock.now(),
          ':claim': claim,
        }),
      })
    },

    /** Numbered without gaps, like the map: who reads on after a number misses nothing. */
    appendAudit: ({ at, who, what, detail }: AuditEntry): Promise<void> =>
      queue.run('audit', () =>
        contend('append to the audit log', async () => {
          const last = await lastId()
          const id = (last ?? 0) + 1
          const entry = {
            id,
            at,
            who,
            what,
            detail: detail === undefined ? undefined : JSON.stringify(detail),
          }
          const written = await db.transact([
            { update: keys.auditCount, change: { set: { n: id } }, when: asRead('n', last) },
            { put: { ...keys.audit(id), ...entry } },
          ])
          return written ? undefined : again
        }),
      ),

    async listAudit({
      after = 0,
      limit,
    }: {
      after?: number
      limit: number
    }): Promise<(AuditEntry & { id: number })[]> {
      const last = (await lastId()) ?? 0
      const items: Item[] = []
      for (
        let block = keys.blockOf(after + 1);
        block <= keys.blockOf(last) && items.length < limit;
        block++
      ) {
        const room = limit - items.length
        items.push(
          ...(await takeUpTo(room, db.query(keys.auditBlock(block), { after: padded(after), page: room }))),
        )
      }
      return items.map(entryFromItem)
    },
  }
}
