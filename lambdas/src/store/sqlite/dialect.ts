import type { Dialect } from '../sql/script.ts'

/** Arrays are bound as JSON. One transaction writes at a time, so nothing is locked. */
export const sqliteDialect: Dialect = {
  isOneOf: (column, array) => `${column} IN (SELECT value FROM json_each(${array}))`,
  pairs: (texts, numbers, [first, second]) =>
    `(SELECT a.value AS ${first}, b.value AS ${second}
      FROM json_each(${texts}) a JOIN json_each(${numbers}) b ON b.key = a.key) AS u`,
  *lock() {},
}
