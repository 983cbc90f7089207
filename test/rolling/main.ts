/** Rolling restarts under load: `npm run test:rolling`. */
import { readCommandLine, usage, type RollingOptions } from './command-line.ts'
import { RollingMesh } from './rolling-mesh.ts'
import { rollingRun } from './rolling-run.ts'

const startedAt = performance.now()

function say(line: string): void {
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)
  process.stderr.write(`${seconds} s  ${line}\n`)
}

/** @returns the exit code */
async function main(): Promise<number> {
  let options: RollingOptions
  try {
    options = readCommandLine(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
    return 2
  }
  if (options.help) {
    console.log(usage)
    return 0
  }
  const mesh = await RollingMesh.start()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void mesh.end().finally(() => process.exit(130)))
  try {
    const { verdict, passed } = await rollingRun(mesh, options, say)
    console.log(options.json ? JSON.stringify(verdict) : verdict)
    return passed ? 0 : 1
  } catch (error) {
    say(String(error))
    return 1
  } finally {
    await mesh.end()
  }
}

process.exitCode = await main()
