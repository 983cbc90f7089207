/**
 * What the simulator measured by size of the mesh, beside what memberlist's formulas say: `npm run sim -- --curves` draws the figures that
 * are kept in docs, `--curves measure` measures those first that are not there.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { chart, type Curve } from './chart.ts'
import { readCommandLine } from './command-line.ts'
import { simulate } from './simulate.ts'

const docs = join(import.meta.dirname, '..', '..', 'docs')
const figuresFile = join(docs, 'membership-figures.json')

/** Agents, and virtual hours that show enough of them: the larger ones end as soon as each silent end is known to all. */
const sizes = [
  { members: 10, hours: 1 },
  { members: 30, hours: 0.5 },
  { members: 100, hours: 0.2 },
  { members: 300, hours: 0.06 },
  { members: 1_000, hours: 0.03 },
  { members: 3_000, hours: 0.014 },
  { members: 10_000, hours: 0.0125 },
]

const figureSchema = z.object({
  members: z.number(),
  relays: z.number(),
  hours: z.number(),
  p50_ms: z.number(),
  p99_ms: z.number(),
  kb_s: z.number(),
  false_deaths: z.number(),
  /** What `npm run sim --` was given. */
  command: z.string(),
})
type Figure = z.output<typeof figureSchema>
const figuresSchema = z.array(figureSchema)

/**
 * memberlist's time until a silent member is dead, s: half a round of its random probing until the first probe (e / (e - 1) intervals
 * of 1 s), the probe itself (1 s), and a suspicion of 4 x max(1, log10 N) s when confirmed (its LAN defaults).
 */
const memberlistSeconds = (members: number): number =>
  Math.E / (Math.E - 1) + 1 + 4 * Math.max(1, Math.log10(members))

/**
 * memberlist's bytes of a member at rest, kB/s: it probes one member a second and is probed by one (a ping and an answer of some 80 bytes
 * each), and exchanges the whole state, some 100 bytes a member both ways, with one each 30 s x (1 + ceil(log2(N / 32))), as one does
 * with it (`pushPullScale`).
 */
const memberlistKb = (members: number): number => {
  const everySeconds = 30 * (members > 32 ? 1 + Math.ceil(Math.log2(members / 32)) : 1)
  return (2 * 2 * 80 + (2 * 2 * members * 100) / everySeconds) / 1_000
}

export const readFigures = (): Figure[] =>
  existsSync(figuresFile) ? figuresSchema.parse(JSON.parse(readFileSync(figuresFile, 'utf8'))) : []

/** Each figure is kept as soon as it is there. */
export function measureCurves(): void {
  const figures = readFigures()
  const missing = sizes
    .flatMap(size => [2, 0].map(relays => ({ ...size, relays })))
    .filter(run => !figures.some(({ members, relays }) => members === run.members && relays === run.relays))
  for (const run of missing) {
    figures.push(measureOne(run))
    figures.sort((a, b) => b.relays - a.relays || a.members - b.members)
    writeFileSync(figuresFile, `${JSON.stringify(figures, null, 2)}\n`)
  }
}

function measureOne({ members, relays, hours }: { members: number; relays: number; hours: number }): Figure {
  const crashes = Math.min(50, Math.floor(members / 5))
  const command = `--members ${members} --relays ${relays} --hours ${hours} --crashes ${crashes}`
  const result = simulate(readCommandLine(command.split(' ')).options)
  const { p50_ms, p99_ms, kb_s, false_deaths } = result
  if (p50_ms === null || p99_ms === null) throw new Error(`Cannot draw ${command}: no end was found`)
  return { members, relays, hours, p50_ms, p99_ms, kb_s, false_deaths, command }
}

/** @returns the text of each drawing by its name in docs */
export function drawings(figures: readonly Figure[]): Record<string, string> {
  const points = (relays: number, value: (figure: Figure) => number) =>
    figures.filter(figure => figure.relays === relays).map(figure => [figure.members, value(figure)] as const)
  const formula = (value: (members: number) => number): Curve => ({
    name: 'memberlist',
    colour: '#d62728',
    points: sizes.map(({ members }) => [members, value(members)] as const),
  })
  const [p50, p99] = [(each: Figure) => each.p50_ms / 1_000, (each: Figure) => each.p99_ms / 1_000]
  return {
    'membership-detection.svg': chart('From a silent end to the members that learn of it', 's', 20, [
      { name: 'p50, relays', colour: '#1f77b4', points: points(2, p50) },
      { name: 'p99, relays', colour: '#6baed6', points: points(2, p99) },
      { name: 'p50, no relay', colour: '#2ca02c', points: points(0, p50) },
      { name: 'p99, no relay', colour: '#98df8a', points: points(0, p99) },
      formula(memberlistSeconds),
    ]),
    'membership-bytes.svg': chart('Sent and received by a member', 'kB/s', 16, [
      { name: 'relays', colour: '#1f77b4', points: points(2, each => each.kb_s) },
      { name: 'no relay', colour: '#2ca02c', points: points(0, each => each.kb_s) },
      formula(memberlistKb),
    ]),
  }
}

export function drawCurves(): void {
  for (const [name, text] of Object.entries(drawings(readFigures()))) writeFileSync(join(docs, name), text)
}
