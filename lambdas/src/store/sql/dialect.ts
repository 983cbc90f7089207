import type { Clock } from '../clock.ts'
import type { Script } from './script.ts'

/** Locks that no row stands for: one transaction at a time decides. */
export type LockName = 'enrolment' | 'audit' | `relay ${string}`

/** Where the databases differ, each difference in one place. */
export interface Dialect {
  /** Column of a token's uses that are left: `left` is a keyword of PostgreSQL. */
  usesLeft: string
  /** Function of the largest of its arguments, none of which is null. */
  greatest: string
  /** A condition: a truth value holds, in the words that a partial index of it has. */
  isTrue(column: string): string
  /** A condition: the column is one of an array. */
  isOneOf(column: string, array: string): string
  /** A table `u` of an array of texts. */
  elements(texts: string, column: string): string
  /** A table `u` of two arrays side by side, text and integers. */
  pairs(texts: string, numbers: string, columns: readonly [string, string]): string
  /** End of a SELECT whose rows others may not change until the transaction ends; of these tables, or of all. */
  locking(...tables: readonly string[]): string
  /** Held by this transaction until it ends. */
  lock(name: LockName): Script<void>
  /** Notifies the other processes, once the transaction is committed, that map or head changed. */
  announce(): Script<void>
}

/** What every part written as scripts works with. */
export interface SqlInit {
  clock: Clock
  dialect: Dialect
  maxMembers: number
}
