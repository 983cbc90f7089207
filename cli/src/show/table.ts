import { stripVTControlCharacters } from 'node:util'

/** Width on a terminal; names are ASCII by schema, other text counts one column a character. */
const width = (text: string) => [...stripVTControlCharacters(text)].length

/** Rows as aligned columns with a header; the last column is not padded. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(width(title), ...rows.map(row => width(row[column] ?? ''))),
  )
  const line = (cells: readonly string[]) =>
    widths
      .map((size, column) => {
        const cell = cells[column] ?? ''
        return column === widths.length - 1 ? cell : cell + ' '.repeat(size - width(cell))
      })
      .join('  ')
      .trimEnd()
  return [header, ...rows].map(line).join('\n')
}
