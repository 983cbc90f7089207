/** What `npm run test:rolling --` takes. */
import { parseArgs } from 'node:util'

export const usage = `npm run test:rolling -- [options]

Restarts agents one by one, then relays one by one, by SIGTERM, while 200 idempotent and 50 other calls a second of 1 ms to 20 s
run, half of them direct and half over relays. All of them must succeed, and none of the others may be executed twice. Processes are
the built command if there is one, else the source.

  --agents N    how many agents (default: 20); fewer for a quick look
  --seed N      of what is called when (default: 1)
  --json        the summary as the last line: {"calls":N,"failed":0,"doubled":0}

Exits 1 when a call failed or was doubled, when a process did not stop cleanly, or when one in 100 relayed calls waited more than 1 s
each of up to six times that the relays restarted.`

export interface RollingOptions {
  agents: number
  seed: number
  json: boolean
  help: boolean
}

const options = {
  agents: { type: 'string', default: '20' },
  seed: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @throws Error that says what is wrong */
export function readCommandLine(args: readonly string[]): RollingOptions {
  const { values } = parseArgs({ args: [...args], options })
  const { json, help } = values
  return {
    agents: countOf('--agents', values.agents, 2),
    seed: countOf('--seed', values.seed, 0),
    json,
    help,
  }
}

function countOf(option: string, text: string, least: number): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least || number > 1_000_000)
    throw new Error(`Cannot read ${option} ${text}: it is a whole number from ${least} on`)
  return number
}
