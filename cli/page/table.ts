/** A table whose columns sort, of which a screen is drawn at a time: 5,000 rows in one piece take seconds. */
import { html } from 'htm/preact'
import { useMemo, useState } from 'preact/hooks'

export interface Column<Row> {
  title: string
  /** What it is sorted by; without it, it does not sort. */
  by?: (row: Row) => string | number
  cell: (row: Row) => unknown
  /** Numbers stand at the right. */
  numeric?: boolean
}

interface Props<Row> {
  caption: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string
  /** Which rows are shown. They are sorted before: that takes longer, and a filter changes with each letter. @default all */
  keep?: (row: Row) => boolean
  /** Index of the column that it is sorted by at first. @default as the rows come */
  sortedBy?: number
}

const screenful = 50
const { compare } = new Intl.Collator('en', { numeric: true })

export function Table<Row>({ caption, columns, rows, keyOf, keep, sortedBy = -1 }: Props<Row>) {
  const [sort, setSort] = useState({ column: sortedBy, down: false })
  const [shown, setShown] = useState(screenful)
  const sorted = useMemo(() => sortRows(rows, columns[sort.column]?.by, sort.down), [rows, sort])
  const choose = (column: number) => setSort({ column, down: sort.column === column ? !sort.down : false })
  const kept = useMemo(() => (keep === undefined ? sorted : sorted.filter(keep)), [sorted, keep])
  const rest = kept.length - shown
  return html`
    <div class="scroll" role="region" aria-label=${caption} tabindex="0">
      <table>
        <caption class="hidden">
          ${caption}
        </caption>
        <thead>
          <tr>
            ${columns.map(
              ({ title, by, numeric }, at) => html`
                <th
                  scope="col"
                  class=${numeric ? 'numeric' : ''}
                  aria-sort=${sort.column === at ? (sort.down ? 'descending' : 'ascending') : undefined}
                >
                  ${
                    by === undefined
                      ? title
                      : html`<button class="sort" onClick=${() => choose(at)}>${title}</button>`
                  }
                </th>
              `,
            )}
          </tr>
        </thead>
        <tbody>
          ${kept.slice(0, shown).map(
            row =>
              html`<tr key=${keyOf(row)}>
                ${columns.map(
                  ({ cell, numeric }) => html`<td class=${numeric ? 'numeric' : ''}>${cell(row)}</td>`,
                )}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      rest > 0 &&
      html`<button onClick=${() => setShown(shown + screenful)}>
        Show ${Math.min(rest, screenful)} more of ${rest}
      </button>`
    }
  `
}

function sortRows<Row>(
  rows: readonly Row[],
  by: ((row: Row) => string | number) | undefined,
  down: boolean,
): readonly Row[] {
  if (by === undefined) return rows
  const keyed = rows.map(row => ({ row, key: by(row) }))
  keyed.sort(({ key: a }, { key: b }) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : compare(String(a), String(b)),
  )
  if (down) keyed.reverse()
  return keyed.map(({ row }) => row)
}
