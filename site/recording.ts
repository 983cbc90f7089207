/** Recordings of a terminal, as an SVG that plays once. */
import { stripVTControlCharacters } from 'node:util'

/** A line of the recording. */
export interface Shown {
  /** Of the whole recording, in s. */
  readonly at: number
  /** One line, with the colours of a terminal (SGR). */
  readonly text: string
}

/** px, of a monospace font of 13 px. */
const cell = { width: 7.8, height: 18, left: 16, top: 40 } as const
const colours: Readonly<Record<string, string>> = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341' }

/** Pauses above `most` seconds last that long. */
export function shortened(lines: readonly Shown[], most: number): Shown[] {
  let cut = 0
  return lines.map(({ at, text }, index) => {
    cut += Math.max(0, at - (lines[index - 1]?.at ?? 0) - most)
    return { at: at - cut, text }
  })
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const styled = (code: string, text: string): string => {
  if (text === '') return ''
  if (code === '1') return `<tspan font-weight="bold">${escaped(text)}</tspan>`
  if (code === '2') return `<tspan opacity="0.6">${escaped(text)}</tspan>`
  const fill = colours[code]
  return fill === undefined ? escaped(text) : `<tspan fill="${fill}">${escaped(text)}</tspan>`
}

/** Each SGR code holds until the next one. */
function spans(text: string): string {
  const [first = '', ...rest] = text.split('\u001b[')
  return [
    escaped(first),
    ...rest.map(part => styled(/^\d*/.exec(part)?.[0] ?? '', part.replace(/^[\d;]*[a-zA-Z]/, ''))),
  ].join('')
}

/** @param title stands in the frame of the window */
export function drawn(title: string, lines: readonly Shown[]): string {
  const plain = lines.map(({ text }) => stripVTControlCharacters(text))
  const columns = Math.max(60, ...plain.map(text => text.length))
  const width = Math.ceil(columns * cell.width + 2 * cell.left)
  const height = cell.top + lines.length * cell.height + 8
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13">`,
    '<style>',
    '@keyframes show { from { opacity: 0 } to { opacity: 1 } }',
    'text.line { white-space: pre; animation: show 1ms linear both }',
    '@media (prefers-reduced-motion: reduce) { text.line { animation: none } }',
    '</style>',
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<text x="${cell.left}" y="22" fill="#8b949e">${escaped(title)}</text>`,
    ...lines.map(
      ({ at, text }, index) =>
        `<text class="line" xml:space="preserve" x="${cell.left}" y="${cell.top + (index + 0.7) * cell.height}" fill="#e6edf3" style="animation-delay:${at.toFixed(2)}s">${spans(text)}</text>`,
    ),
    '</svg>',
    '',
  ].join('\n')
}
