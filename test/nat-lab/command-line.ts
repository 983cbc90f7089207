/** What `npm run lab --` takes. */
import { parseArgs } from 'node:util'
import { allPairs, type KindPair } from './expected-paths.ts'
import { isKind, kinds } from './kinds.ts'
import type { Scenario } from './scenario.ts'

export const usage = `npm run lab -- [options]

Runs real agents behind every kind of NAT, in network namespaces of this machine, and says how each pair gets through.
Needs Linux, root, iproute2 and nftables; without them it says so and is skipped (in CI it fails).

  (nothing)               every pair of kinds: ${kinds.join(' ')}
  --pairs a/b,c/d         some pairs
  --scenarios [names]     faults while calls run; all of them, or those named: a,b. Only where they are named, ports and
                          three-assistants
  --all                   pairs, then scenarios
  --self-test             checks that each kind of network does what its name says, and nothing else

  --json                  a JSON line for each pair and scenario, then a summary line
  --markdown              the table of docs/paths.md
  --logs DIR              keeps the log of each process there (at level debug with --verbose)
  --verbose               tells what is being done, and the system commands
  --keep                  leaves everything running after the pairs, says how to look at it, until Ctrl-C
  --clean                 removes what a killed run left, and nothing else

Examples:
  npm run lab -- --pairs cone/cone --verbose --logs ./lab-logs --keep
  npm run lab -- --scenarios relay-black-hole,slow-uplink
  npm run lab -- --all --json`

export interface LabOptions {
  pairs: readonly KindPair[]
  /** Names; undefined: none. */
  scenarios: readonly string[] | undefined
  selfTest: boolean
  json: boolean
  markdown: boolean
  logs: string | undefined
  verbose: boolean
  keep: boolean
  clean: boolean
  help: boolean
}

const options = {
  pairs: { type: 'string' },
  scenarios: { type: 'boolean', default: false },
  all: { type: 'boolean', default: false },
  'self-test': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  markdown: { type: 'boolean', default: false },
  logs: { type: 'string' },
  verbose: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
  clean: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @param all scenarios by name @throws Error that says what is wrong */
export function readCommandLine(
  args: readonly string[],
  all: Readonly<Record<string, Scenario>>,
): LabOptions {
  const known = Object.keys(all)
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const named = positionals.flatMap(text => text.split(','))
  const strange = named.find(name => !known.includes(name))
  if (strange !== undefined) throw new Error(`Cannot run scenario ${strange}: there are ${known.join(', ')}`)
  if (named.length > 0 && !values.scenarios)
    throw new Error(`Cannot read ${named.join(' ')}: --scenarios NAMES`)
  const scenarios =
    values.scenarios || values.all
      ? named.length > 0
        ? named
        : known.filter(name => all[name]?.onlyNamed !== true)
      : undefined
  const everyPair = values.all || (!values.scenarios && !values['self-test'])
  const { json, markdown, logs, verbose, keep, clean, help } = values
  return {
    pairs: values.pairs === undefined ? (everyPair ? allPairs : []) : values.pairs.split(',').map(readPair),
    scenarios,
    selfTest: values['self-test'],
    ...{ json, markdown, logs, verbose, keep, clean, help },
  }
}

function readPair(text: string): KindPair {
  const [first = '', second = '', ...rest] = text.split('/')
  if (!isKind(first) || !isKind(second) || rest.length > 0)
    throw new Error(`Cannot run pair ${text}: it is KIND/KIND, with kinds ${kinds.join(' ')}`)
  const [a, b] = kinds.indexOf(first) <= kinds.indexOf(second) ? [first, second] : [second, first]
  return { a, b }
}
