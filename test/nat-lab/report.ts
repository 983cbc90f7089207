/** What a run says: rows and summary as JSON lines, or a table for people, or the table of the documentation. */
import { styleText } from 'node:util'
import { expectedPaths, pairName } from './expected-paths.ts'
import { kinds } from './kinds.ts'
import type { PairRow } from './pair.ts'
import type { ScenarioRow } from './scenario.ts'

/** What the documentation promises of every pair. */
export const promises = { connectMs: 1_000, upgradeP50Ms: 500 } as const

export interface PairsSummary {
  pairs: number
  connected_under_1s: number
  direct: number
  webrtc: number
  relay: number
  /** What is not as expected, one sentence each. */
  unexpected: string[]
  /** Of the pairs that were upgraded; null when none was. */
  upgrade_p50_ms: number | null
  ok: boolean
}

/** What is wrong with a row; undefined when nothing is. */
export function complaint(row: PairRow): string | undefined {
  const name = pairName(row)
  if (row.path === null || row.connect_ms === null) return `${name}: ${row.error ?? 'never connected'}`
  const expected = expectedPaths(row.a, row.b)
  if (!expected.includes(row.path))
    return `${name}: ${row.path}, not ${expected.join(' or ')}${row.why === undefined ? '' : ` (${row.why})`}`
  if (row.connect_ms >= promises.connectMs) return `${name}: connected in ${row.connect_ms} ms`
  return row.error === undefined ? undefined : `${name}: ${row.error}`
}

export function summarise(rows: readonly PairRow[]): PairsSummary {
  const count = (path: PairRow['path']) => rows.filter(row => row.path === path).length
  const unexpected = rows.flatMap(row => complaint(row) ?? [])
  const upgrade_p50_ms = median(rows.flatMap(row => row.upgrade_ms ?? []))
  return {
    pairs: rows.length,
    connected_under_1s: rows.filter(row => row.connect_ms !== null && row.connect_ms < promises.connectMs)
      .length,
    ...{ direct: count('direct'), webrtc: count('webrtc'), relay: count('relay') },
    unexpected,
    upgrade_p50_ms,
    ok: unexpected.length === 0 && (upgrade_p50_ms ?? 0) < promises.upgradeP50Ms,
  }
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}

const figure = (value: number | null, unit: string): string => (value === null ? '-' : `${value} ${unit}`)

/** One line for a person. */
export function pairLine(row: PairRow): string {
  const wrong = complaint(row)
  const cells = [
    pairName(row).padEnd(24),
    (row.path ?? 'none').padEnd(7),
    figure(row.connect_ms, 'ms').padStart(9),
    figure(row.upgrade_ms, 'ms').padStart(9),
    figure(row.mb_s, 'MB/s').padStart(11),
  ]
  return `${wrong === undefined ? styleText('green', 'ok    ') : styleText('red', 'WRONG ')} ${cells.join(' ')}${wrong === undefined ? '' : `  ${wrong}`}`
}

export const pairHeading = `       ${'PAIR'.padEnd(24)} ${'PATH'.padEnd(7)} ${'CONNECT'.padStart(9)} ${'UPGRADE'.padStart(9)} ${'THROUGHPUT'.padStart(11)}`

export function summaryLines(summary: PairsSummary): string {
  const { pairs, connected_under_1s, direct, webrtc, relay, upgrade_p50_ms, unexpected } = summary
  return [
    `${pairs} pairs: ${connected_under_1s} connected in under 1 s; ${direct} direct, ${webrtc} webrtc, ${relay} relay`,
    `median upgrade: ${figure(upgrade_p50_ms, 'ms')}`,
    ...unexpected.map(line => styleText('red', `not as expected: ${line}`)),
  ].join('\n')
}

/** Whether a kind of network is what it should be. */
export const kindLine = (kind: string, wrong: readonly string[]): string =>
  `${wrong.length === 0 ? styleText('green', 'ok    ') : styleText('red', 'WRONG ')} ${kind.padEnd(12)} ${wrong.join('; ')}`.trimEnd()

/** A few lines for a person. */
export function scenarioLines({ scenario, ok, wrong = [], ...figures }: ScenarioRow): string {
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return [
    `${ok ? styleText('green', 'ok    ') : styleText('red', 'FAILED')} ${scenario.padEnd(24)} ${shown.join(', ')}`,
    ...wrong.map(line => `         ${line}`),
  ].join('\n')
}

/** The table of docs/paths.md: pairs in the order of the kinds. */
export function markdownTable(rows: readonly PairRow[]): string {
  const order = (row: PairRow) => kinds.indexOf(row.a) * kinds.length + kinds.indexOf(row.b)
  const lines = [...rows]
    .sort((x, y) => order(x) - order(y))
    .map(row => {
      const cells = [row.a, row.b, row.path ?? 'none', row.connect_ms, row.upgrade_ms, row.mb_s]
      return `| ${cells.map(cell => cell ?? '').join(' | ')} |`
    })
  return [
    '| a | b | path | connect, ms | upgrade, ms | MB/s |',
    '|---|---|---|---:|---:|---:|',
    ...lines,
  ].join('\n')
}
