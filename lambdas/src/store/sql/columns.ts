/** Typed reads of columns for both databases: 64-bit integers may be text, lists are JSON. */

/** A row as a driver answers it: the schema says what is in it, TypeScript does not know it. */
export type Row = Record<string, unknown>

export const text = (row: Row, column: string): string => String(row[column])
export const number = (row: Row, column: string): number => Number(row[column])
export const list = (row: Row, column: string): string[] => JSON.parse(text(row, column)) as string[]
/** A truth value, which SQLite keeps as 0 and 1. */
export const flag = (row: Row, column: string): boolean => row[column] === true || row[column] === 1

/** `{ [field]: value }`, or nothing when the column is null, as optional properties want it. */
export const optionalText = <F extends string>(row: Row, column: string, field: F): { [K in F]?: string } =>
  (row[column] === null ? {} : { [field]: text(row, column) }) as { [K in F]?: string }

export const optionalNumber = <F extends string>(row: Row, column: string, field: F): { [K in F]?: number } =>
  (row[column] === null ? {} : { [field]: number(row, column) }) as { [K in F]?: number }
