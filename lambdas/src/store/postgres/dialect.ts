import { run, type Dialect } from '../sql/script.ts'
import { lockStatement, lockValue } from './locks.ts'

export const postgresDialect: Dialect = {
  isOneOf: (column, array) => `${column} = ANY(${array})`,
  pairs: (texts, numbers, [first, second]) =>
    `unnest(${texts}::text[], ${numbers}::bigint[]) AS u (${first}, ${second})`,
  *lock(name) {
    yield* run(lockStatement, lockValue(name))
  },
}
