/** The statements of dump and restore on SQLite. Names come from the catalogue of the file, so each is quoted. */

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const listTables = `
  SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`

export const insertInto = (table: string, columns: readonly string[]): string =>
  `INSERT INTO ${quoted(table)} (${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
