import { randomUUID } from 'node:crypto'
import { when } from './expressions.ts'
import type { DynamoInit } from './init.ts'
import { keys, ttlAfter } from './table.ts'

/** Nonces on DynamoDB. */
export const ledger = ({ db, clock }: DynamoInit) => ({
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
})
