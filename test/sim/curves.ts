/** Draws what the simulator measured as SVG: `node test/sim/curves.ts`. Text that can be compared line by line; no library. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCommandLine } from './command-line.ts'
import { simulate, type SimResult } from './simulate.ts'

/** Agents, and virtual hours that show enough of them. All together cost about 4 minutes of CPU. */
const runs = [
  { members: 10, hours: 1 },
  { members: 30, hours: 0.5 },
  { members: 100, hours: 0.2 },
  { members: 300, hours: 0.06 },
  { members: 1_000, hours: 0.03 },
  { members: 3_000, hours: 0.014 },
  { members: 10_000, hours: 0.0125 },
]

/**
 * memberlist's time until a silent member is dead, s: half a round of its random probing until the first probe (e / (e - 1) intervals
 * of 1 s), the probe itself (1 s), and a suspicion of 4 x max(1, log10 N) s when confirmed (its LAN defaults).
 */
const memberlistSeconds = (members: number): number =>
  Math.E / (Math.E - 1) + 1 + 4 * Math.max(1, Math.log10(members))

const frame = { width: 640, height: 360, left: 56, right: 150, top: 24, bottom: 44 } as const
const decades = [10, 100, 1_000, 10_000]

export interface Curve {
  name: string
  colour: string
  points: readonly (readonly [members: number, value: number])[]
}

/** @param most the top of the vertical axis */
export function chart(title: string, unit: string, most: number, curves: readonly Curve[]): string {
  const { width, height, left, right, top, bottom } = frame
  const x = (members: number) => left + ((Math.log10(members) - 1) / 3) * (width - left - right)
  const y = (value: number) => height - bottom - (value / most) * (height - top - bottom)
  const round = (value: number) => value.toFixed(1)
  const text = (at: readonly [number, number], words: string, rest = '') =>
    `<text x="${round(at[0])}" y="${round(at[1])}" ${rest}>${words}</text>`
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap(part => [
    `<line x1="${left}" x2="${width - right}" y1="${round(y(part * most))}" y2="${round(y(part * most))}" stroke="#ddd"/>`,
    text([left - 6, y(part * most) + 4], String(part * most), 'text-anchor="end"'),
  ])
  const axis = decades.map(members =>
    text([x(members), height - bottom + 18], members.toLocaleString('en'), 'text-anchor="middle"'),
  )
  const lines = curves.flatMap(({ name, colour, points }) => {
    const last = points.at(-1) ?? [10, 0]
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(([n, v]) => `${round(x(n))},${round(y(v))}`).join(' ')}"/>`,
      text([x(last[0]) + 6, y(last[1]) + 4], name, `fill="${colour}"`),
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text([left, 16], `${title}, ${unit}`, 'font-size="14"'),
    ...[...grid, ...axis, ...lines],
    text([(left + width - right) / 2, height - 8], 'agents', 'text-anchor="middle"'),
    '</svg>',
    '',
  ].join('\n')
}

export function measure(relays: number): SimResult[] {
  return runs.map(({ members, hours }) => {
    const crashes = Math.min(50, Math.floor(members / 5))
    const line = `--members ${members} --relays ${relays} --hours ${hours} --crashes ${crashes}`
    const result = simulate(readCommandLine(line.split(' ')).options)
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return result
  })
}

/** @param alone without relays @param homed with two */
export function draw(alone: readonly SimResult[], homed: readonly SimResult[]): void {
  const docs = join(import.meta.dirname, '..', '..', 'docs')
  const seconds = (results: readonly SimResult[], of: 'p50_ms' | 'p99_ms') =>
    results.map(result => [result.members, (result[of] ?? 0) / 1_000] as const)
  const detection = chart('From a silent end to the members that learn of it', 's', 20, [
    { name: 'p50, relays', colour: '#1f77b4', points: seconds(homed, 'p50_ms') },
    { name: 'p99, relays', colour: '#6baed6', points: seconds(homed, 'p99_ms') },
    { name: 'p50, no relay', colour: '#2ca02c', points: seconds(alone, 'p50_ms') },
    { name: 'p99, no relay', colour: '#98df8a', points: seconds(alone, 'p99_ms') },
    {
      name: 'memberlist',
      colour: '#d62728',
      points: runs.map(({ members }) => [members, memberlistSeconds(members)] as const),
    },
  ])
  writeFileSync(join(docs, 'membership-detection.svg'), detection)
}

if (process.argv[1] === import.meta.filename) draw(measure(0), measure(2))
