import type { Dialect } from '../sql/dialect.ts'
import { run, type Script } from '../sql/script.ts'
import { lockStatement, lockValue } from './locks.ts'

/** @param announce notifies the other processes, once the transaction is committed */
export const postgresDialect = (announce: () => Script<void>): Dialect => ({
  usesLeft: 'left_uses',
  greatest: 'greatest',
  isTrue: column => column,
  isOneOf: (column, array) => `${column} = ANY(${array})`,
  elements: (texts, column) => `unnest(${texts}::text[]) AS u (${column})`,
  pairs: (texts, numbers, [first, second]) =>
    `unnest(${texts}::text[], ${numbers}::bigint[]) AS u (${first}, ${second})`,
  locking: (...tables) => `FOR UPDATE${tables.length === 0 ? '' : ` OF ${tables.join(', ')}`}`,
  *lock(name) {
    yield* run(lockStatement, lockValue(name))
  },
  announce,
})
