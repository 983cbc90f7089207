import { printableJson } from '@agent-mesh/protocol/printable'

import type { Settings } from '../settings.ts'
import { forPrograms } from './for-programs.ts'
import { renderTable } from './table.ts'
import { block, cellOf, render, styled, type Style, type Text } from './text.ts'

/** Output of a command on stdout: JSON for programs, text for people. */
export interface Output {
  readonly json: boolean
  /** One JSON line with `--json`, in the form of {@link forPrograms}; else the text. */
  result(value: unknown, text: () => Text): void
  /** A block of lines that counts as one line of a text. A header of empty titles is left out. */
  table(header: readonly string[], rows: readonly (readonly string[])[]): string
  style(style: Style, text: string): string
}

export function createOutput({ json, color }: Pick<Settings, 'json' | 'color'>): Output {
  const style: Output['style'] = (name, text) => (color ? styled(name, text) : text)
  return {
    json,
    style,
    result: (value, text) =>
      void process.stdout.write(`${json ? jsonText(forPrograms(value)) : render(text())}\n`),
    table: (header, rows) =>
      block(
        renderTable(
          header.map(title => style('bold', title)),
          rows.map(row => row.map(cellOf)),
        ),
      ),
  }
}

/** JSON whose strings cannot steer a terminal. */
export const jsonText = (value: unknown): string => printableJson(JSON.stringify(value) ?? 'null')

/** The same for people, as the lines of a text: it is escaped before it is divided. */
export const jsonLines = (value: unknown): string[] =>
  printableJson(JSON.stringify(value, undefined, 2) ?? 'null').split('\n')
