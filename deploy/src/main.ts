/** The process behind `deploy.sh`: arguments, signals, exit code. */
import { toMeshError } from '@agent-mesh/protocol/errors'
import { printable } from '@agent-mesh/protocol/printable'

import { parseArguments, usage } from './arguments.ts'
import { runCommand } from './command.ts'
import { outcomes, type Outcome } from './deployment.ts'
import { environment } from './environment.ts'

/** Lines of a deployment have a time, so that they show how long each step took. */
const timed = (line: string): string => `${new Date().toISOString()} ${line}`

/** A line may quote the log of a process. */
const say = (line: string): void => void process.stdout.write(`${printable(line)}\n`)

async function main(): Promise<Outcome> {
  const args = parseArguments(process.argv.slice(2))
  if (args === undefined) {
    process.stdout.write(`${usage}\n`)
    return outcomes.done
  }
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => stop.abort(new Error(`ended by ${name}`)))
  const reports = args.action === 'status' || args.action === 'history'
  const init = { environment: environment(), say: reports ? say : (line: string) => say(timed(line)) }
  return runCommand({ ...init, signal: stop.signal }, args)
}

try {
  process.exitCode = await main()
} catch (error) {
  const { message, hint } = toMeshError(error, 'internal', 'deploy')
  process.stderr.write(`error: ${printable(message)}\n${hint === undefined ? '' : `${printable(hint)}\n`}`)
  process.exitCode = outcomes.refused
}
