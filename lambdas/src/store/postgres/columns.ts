/** Typed reads of columns: 64-bit integers come as text, lists are JSON. */
import type { Row } from './database.ts'

export const text = (row: Row, column: string): string => String(row[column])
export const number = (row: Row, column: string): number => Number(row[column])
export const list = (row: Row, column: string): string[] => JSON.parse(text(row, column)) as string[]

/** `{ [field]: value }`, or nothing when the column is null, as optional properties want it. */
export const optionalText = <F extends string>(row: Row, column: string, field: F): { [K in F]?: string } =>
  (row[column] === null ? {} : { [field]: text(row, column) }) as { [K in F]?: string }

export const optionalNumber = <F extends string>(row: Row, column: string, field: F): { [K in F]?: number } =>
  (row[column] === null ? {} : { [field]: number(row, column) }) as { [K in F]?: number }
