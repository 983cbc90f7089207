import type { Dialect } from '../sql/dialect.ts'

/** Arrays are bound as JSON. One transaction writes at a time, so nothing is locked; a file notifies no process. */
export const sqliteDialect: Dialect = {
  usesLeft: 'left',
  greatest: 'max',
  isTrue: column => `${column} = 1`,
  isOneOf: (column, array) => `${column} IN (SELECT value FROM json_each(${array}))`,
  elements: (texts, column) => `(SELECT value AS ${column} FROM json_each(${texts})) AS u`,
  pairs: (texts, numbers, [first, second]) =>
    `(SELECT a.value AS ${first}, b.value AS ${second}
      FROM json_each(${texts}) a JOIN json_each(${numbers}) b ON b.key = a.key) AS u`,
  locking: () => '',
  *lock() {},
  *announce() {},
}
