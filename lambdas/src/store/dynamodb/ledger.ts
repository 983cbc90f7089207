import { randomUUID } from 'node:crypto'
import type { AuditOf } from '../parts/audit.ts'
import type { auditOutbox } from './audit-outbox.ts'
import { asRead, when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { number } from './item.ts'
import { keys, ttlAfter } from './table.ts'

interface Needs extends DynamoInit {
  audit: Pick<ReturnType<typeof auditOutbox>, 'record'>
}

/** Nonces and the time of the store on DynamoDB. */
export const ledger = ({ db, clock, audit }: Needs) => ({
  /** `claim` distinguishes a repetition after a lost answer from another use. */
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

  readTimeMark: async (): Promise<number | undefined> => {
    const item = await db.get(keys.timeMark)
    return item && number(item, 'at')
  },

  /** A repetition after a lost answer may say that another process was first: it then reads its own. */
  writeTimeMark: (expected: number | undefined, next: number, auditOf?: AuditOf<void>): Promise<boolean> => {
    const write = { update: keys.timeMark, change: { set: { at: next } }, when: asRead('at', expected) }
    return auditOf === undefined ? db.write(write) : db.transact([write, audit.record(auditOf())])
  },
})
