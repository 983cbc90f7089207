/** The NAT lab: `npm run lab`. */
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readCommandLine, usage, type LabOptions } from './command-line.ts'
import { newRunId, removeAbandoned } from './leftovers.ts'
import { Lab } from './lab.ts'
import { missingRequirement } from './requirements.ts'
import { scenarios } from './scenarios/index.ts'
import { traceShell } from './shell.ts'

const say = (line: string): void => void process.stderr.write(`${line}\n`)

/** @returns the exit code */
async function main(): Promise<number> {
  let options: LabOptions
  try {
    options = readCommandLine(process.argv.slice(2), scenarios)
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return 2
  }
  if (options.help) {
    console.log(usage)
    return 0
  }
  const missing = await missingRequirement()
  if (missing !== undefined) {
    console.log(`The lab is skipped: ${missing}.`)
    return process.env['CI'] === undefined ? 0 : 1
  }
  const removed = await removeAbandoned()
  if (options.clean) {
    console.log(`Removed ${removed} namespaces of runs that are gone.`)
    return 0
  }
  return await run(options)
}

async function run(options: LabOptions): Promise<number> {
  if (options.verbose) traceShell(script => say(script.replace(/^\s*\n/gm, '').replace(/^\s*/gm, '  + ')))
  const logs = options.logs === undefined ? undefined : resolve(options.logs)
  if (logs !== undefined) await mkdir(logs, { recursive: true })
  const told = new AbortController()
  const lab = new Lab({ options: { ...options, logs }, run: newRunId(), say, told: told.signal })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => told.abort(signal))
  const interrupted = new Promise<'interrupted'>(done =>
    told.signal.addEventListener('abort', () => done('interrupted'), { once: true }),
  )
  try {
    const ended = await Promise.race([lab.run(), interrupted])
    return ended === 'interrupted' ? 130 : ended ? 0 : 1
  } catch (error) {
    say(String(error))
    return 1
  } finally {
    await lab.close()
  }
}

process.exitCode = await main()
// An interrupted run leaves promises without a listener.
process.exit()
