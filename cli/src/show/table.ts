import { widthOf } from './text.ts'

/** The lines of aligned columns with a header, unless its titles are empty; the last column is not padded. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = header.some(title => widthOf(title) > 0) ? [header, ...rows] : rows
  const widths = header.map((_, column) => Math.max(0, ...all.map(row => widthOf(row[column] ?? ''))))
  const line = (cells: readonly string[]) =>
    widths
      .map((size, column) => {
        const cell = cells[column] ?? ''
        return column === widths.length - 1 ? cell : cell + ' '.repeat(size - widthOf(cell))
      })
      .join('  ')
      .trimEnd()
  return all.map(line)
}
