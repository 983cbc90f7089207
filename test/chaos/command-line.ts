/** What `npm run chaos --` and `npm run chaos:selftest --` take. */
import { parseArgs } from 'node:util'
import type { ChaosOptions } from './chaos-run.ts'
import { nemesisNames, type NemesisName } from './schedule.ts'

export const usage = `npm run chaos -- [options]

Starts a control plane on PostgreSQL, two relays and agents, each a process in a network namespace of its own, and lets faults
strike while calls run: processes are killed, stand still, restart and go back to an older disk; packets are dropped, both ways and
one way, and lost; links are slow, clocks jump, disks fill, the database and relays stop. Then it checks the invariants C1 to C12 of
docs/chaos.md over the history of the run. The seed says which fault strikes whom and when.

  --seed N       (default: 1)
  --agents N     (default: 50); each takes about 90 MB
  --minutes M    half of them with faults (default: 6); starts and ends are not counted
  --only NAMES   faults, separated by commas (default: all, each once before one comes again; all need 5.5 minutes)
  --keep DIR     where the history (JSON lines) and the logs go (default: a temporary folder, kept when an invariant is broken)
  --json         the summary as the last line: {"seed":N,"calls":N,"invariants":{"C1":true,..}}

Needs Linux, root, iproute2, nftables and faketime; without them it says so and is skipped (in CI it fails). Exits 1 when an
invariant is broken, and says by what.`

export interface ChaosCommand {
  options: ChaosOptions
  keep: string | undefined
  json: boolean
  help: boolean
}

const flags = {
  seed: { type: 'string', default: '1' },
  agents: { type: 'string', default: '50' },
  minutes: { type: 'string', default: '6' },
  only: { type: 'string' },
  keep: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @throws Error that says what is wrong */
export function readCommandLine(args: readonly string[]): ChaosCommand {
  const { values } = parseArgs({ args: [...args], options: flags })
  const { keep, json, help } = values
  const options = {
    seed: numberOf('--seed', values.seed, 0, 2 ** 31),
    agents: numberOf('--agents', values.agents, 5, 140),
    minutes: numberOf('--minutes', values.minutes, 0.5, 600),
    ...(values.only !== undefined && { only: values.only.split(',').map(nemesisOf) }),
  }
  return { options, keep, json, help }
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (text.trim() === '' || !(number >= least && number <= most))
    throw new Error(`Cannot read ${option} ${text}: it is a number from ${least} to ${most}`)
  return number
}

function nemesisOf(text: string): NemesisName {
  const found = nemesisNames.find(name => name === text)
  if (found !== undefined) return found
  throw new Error(`Cannot read --only ${text}: it is one of ${nemesisNames.join(', ')}`)
}
