/**
 * `npm run bench` lists the benches, `npm run bench -- NAME [--json] [--rounds N]` runs one: Agent Mesh against its peers on this
 * machine, in one run. Progress goes to stderr; with `--json` the last line of stdout is the result.
 */
import { parseArgs } from 'node:util'
import type { BenchResult } from './bench.ts'
import { benches } from './benches.ts'
import { installPeers } from './install-peers.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' } },
})

const list = (): string =>
  Object.entries(benches)
    .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
    .join('\n')

const table = ({ bench, ratios, figures }: BenchResult): string =>
  [
    `${bench}: ratios`,
    ...Object.entries(ratios).map(([name, ratio]) => `  ${name.padEnd(26)} ${ratio}`),
    `${bench}: medians`,
    ...Object.entries(figures).map(([who, row]) => `  ${who.padEnd(12)} ${JSON.stringify(row)}`),
  ].join('\n')

async function main(): Promise<number> {
  const [name] = positionals
  const rounds = Number(values.rounds)
  const bench = name === undefined ? undefined : benches[name]
  if (bench === undefined || !Number.isInteger(rounds) || rounds < 1) {
    console.error(`Usage: npm run bench -- NAME [--json] [--rounds N]\n\n${list()}`)
    return name === undefined ? 0 : 2
  }
  await installPeers()
  const result = await bench.run({ rounds, progress: line => process.stderr.write(`${line}\n`) })
  if (!values.json) console.log(table(result))
  else console.log(JSON.stringify(result))
  return 0
}

process.exitCode = await main()
