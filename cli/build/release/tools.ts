import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const bin = join(import.meta.dirname, 'node_modules', '.bin')

/** Installs what package.json beside this file names: it is no part of the checkout's install. */
export const installTools = (): Promise<void> => installLocked(import.meta.dirname)

/** Installs what the lock of a folder names, unless that is what was installed there last. @param options of `npm ci` */
export async function installLocked(folder: string, options: readonly string[] = []): Promise<void> {
  const lock = await readFile(join(folder, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex')
  // npm removes it with the packages of the lock before.
  const stamp = join(folder, 'node_modules', '.installed-lock')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return
  await runProgram('npm', ['ci', '--no-audit', ...options], folder)
  await writeFile(stamp, hash)
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
