import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const bin = join(import.meta.dirname, 'node_modules', '.bin')

/** Installs, once, what package.json beside this file names: it is no part of the checkout's install. */
export async function installTools(): Promise<void> {
  if (!existsSync(join(bin, 'rollup'))) await runProgram('npm', ['ci', '--no-audit'], import.meta.dirname)
}

/** Runs a command of the tools, and returns what it printed. */
export const runTool = (name: string, args: readonly string[], cwd?: string): Promise<string> =>
  runProgram(join(bin, name), args, cwd)

/** Runs `program`, and returns its stdout. @throws Error with all that it printed when it fails */
export async function runProgram(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const options = { maxBuffer: 64 * 1024 * 1024, ...(cwd !== undefined && { cwd }) }
  try {
    return (await run(program, args, options)).stdout
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    const said = `${stdout}${stderr}`
    throw new Error(`Cannot run ${program} ${args.join(' ')}: ${said === '' ? message : said}`, {
      cause: error,
    })
  }
}
