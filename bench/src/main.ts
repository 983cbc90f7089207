/**
 * `npm run bench` lists the benches, `npm run bench -- NAME [--json] [--rounds N] [--agents N] [--members N] [--part NAME]` runs one on
 * this machine.
 * Progress goes to stderr; with `--json` the last lines of stdout are the results.
 */
import { endWrongly, scriptOptions } from '../../test/support/script-options.ts'
import type { BenchResult } from './bench.ts'
import { benches } from './benches.ts'
import { installPeers } from './install-peers.ts'

const list = Object.entries(benches).map(([name, { about }]) => `  ${name.padEnd(14)} ${about}`)
const usage = `Usage: npm run bench -- NAME [--json] [--rounds N] [--agents N] [--members N] [--part NAME]

${list.join('\n')}`
const options = {
  json: { type: 'boolean', default: false },
  rounds: { type: 'string', default: '7' },
  agents: { type: 'string', default: '1000000' },
  members: { type: 'string', default: '100' },
  part: { type: 'string' },
} as const
const { values, positionals } = scriptOptions(usage, options, true)

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const rows = (figures: Record<string, unknown>): string[] =>
  Object.entries(figures).flatMap(([name, value]) =>
    isTable(value) && Object.values(value).some(isTable)
      ? [`  ${name}`, ...rows(value).map(row => `  ${row}`)]
      : [`  ${name.padEnd(26)} ${show(value)}`],
  )

const table = ({ bench, ...figures }: BenchResult): string => [bench, ...rows(figures)].join('\n')

const countOf = (text: string): number => (/^[1-9]\d{0,7}$/.test(text) ? Number(text) : Number.NaN)

type Counts = [rounds: number, agents: number, members: number]

async function main(): Promise<number> {
  const [name] = positionals
  const [rounds, agents, members] = [values.rounds, values.agents, values.members].map(countOf) as Counts
  const bench = name === undefined ? undefined : benches[name]
  if (name === undefined) {
    console.error(usage)
    return 0
  }
  if (bench === undefined) endWrongly(`Cannot run bench ${name}: there is none of that name`, usage)
  if (Number.isNaN(rounds + agents + members))
    endWrongly(
      'Cannot run the bench: --rounds, --agents and --members take numbers from 1 to 99999999',
      usage,
    )
  if (bench.peers === true) await installPeers()
  const progress = (line: string): void => void process.stderr.write(`${line}\n`)
  const results = await bench.run({ rounds, agents, members, part: values.part, progress })
  for (const result of Array.isArray(results) ? results : [results])
    console.log(values.json ? JSON.stringify(result) : table(result as BenchResult))
  return 0
}

process.exitCode = await main()
