import { styleText } from 'node:util'

import type { Settings } from '../settings.ts'
import { renderTable } from './table.ts'

type Style = Parameters<typeof styleText>[0]

/** What a command says on stdout: JSON for programs, text for people. */
export interface Output {
  readonly json: boolean
  /** One JSON line with `--json`, else the text. */
  result(value: unknown, text: () => string): void
  table(header: readonly string[], rows: readonly (readonly string[])[]): string
  style(style: Style, text: string): string
}

export function createOutput({ json, color }: Pick<Settings, 'json' | 'color'>): Output {
  const style: Output['style'] = (name, text) =>
    color ? styleText(name, text, { validateStream: false }) : text
  return {
    json,
    style,
    result: (value, text) => void process.stdout.write(`${json ? JSON.stringify(value) : text()}\n`),
    table: (header, rows) =>
      renderTable(
        header.map(title => style('bold', title)),
        rows.map(row => row.map(printable)),
      ),
  }
}

/** Control characters other than a newline, and colours, which the tables set themselves. */
// eslint-disable-next-line no-control-regex -- these are the ones that steer a terminal
const steering = /(?!\u001b\[[0-9;]*m)[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g

/** Text of other members must not steer the terminal: control characters are shown, not obeyed. */
export function printable(text: string): string {
  const shown = (character: string) => (character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')
  return text.replace(steering, character => `\\x${shown(character)}`)
}
