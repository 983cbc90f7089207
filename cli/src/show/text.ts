/** Escape, then style: text for people, in which only what the command itself put there is obeyed by a terminal. */
import { printable } from '@agent-mesh/protocol/printable'
import { randomUUID } from 'node:crypto'
import { styleText } from 'node:util'

export type Style = Parameters<typeof styleText>[0]

/** Lines, or one line. Each is escaped when it is written, newlines too: text of others neither steers nor forges a line. */
export type Text = string | readonly string[]

/** Drawn at each start: text of others cannot hold what marks the sequences of the command. */
const secret = `\u0000${randomUUID()}`
const marked = new RegExp(`${secret}(\n|\\[[0-9;]*m)`, 'g')

/** Text in a style; the text itself is escaped when it is written. */
export function styled(style: Style, text: string): string {
  const [open = '', close = ''] = styleText(style, '|', { validateStream: false }).split('|')
  const mark = (sequences: string) => sequences.replaceAll('\u001b', secret)
  return `${mark(open)}${text}${mark(close)}`
}

/** Several lines as one line of a text. */
export const block = (lines: readonly string[]): string => lines.join(`${secret}\n`)

/** The characters that a terminal gets. */
export const render = (text: Text): string =>
  (typeof text === 'string' ? [text] : text)
    .map(line => mapParts(line, printable, sequence => (sequence === '\n' ? sequence : `\u001b${sequence}`)))
    .join('\n')

/** The columns that a line takes, one a character. */
export const widthOf = (line: string): number =>
  [
    ...mapParts(
      line,
      text => text,
      () => '',
    ),
  ].length

/**
 * A cell as it may stand in a table: escaped before its column is measured. A long run of spaces would look like the next
 * row where the terminal wraps it.
 */
export const cellOf = (cell: string): string =>
  mapParts(
    cell,
    text => printable(text).replace(/\p{Zs}{4,}/gu, run => `{${run.length} spaces}`),
    sequence => `${secret}${sequence}`,
  )

function mapParts(line: string, text: (part: string) => string, sequence: (part: string) => string): string {
  return line
    .split(marked)
    .map((part, index) => (index % 2 === 0 ? text(part) : sequence(part)))
    .join('')
}
