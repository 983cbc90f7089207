import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The command of this checkout: the bundle if it is built, else the source. */
export const commandFile = join(import.meta.dirname, '..', '..', 'cli', 'bin', 'agent-mesh.js')

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

/** A command is killed after this, ms: a little less than a test has. */
const longestMs = 220_000

/** Runs the command to its end; never rejects. @param input its standard input */
export function runCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  file = commandFile,
  input = '',
): Promise<Ran> {
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      [file, ...args],
      { env: { ...process.env, ...env }, timeout: longestMs },
      (error, stdout, stderr) =>
        resolve({
          ...{ code: child.exitCode, stdout },
          stderr: error?.killed === true ? `${stderr}\nkilled after ${longestMs} ms` : stderr,
        }),
    )
    child.stdin?.end(input)
  })
}

/** The last line of stdout, parsed. @throws Error with how the command ended when that is no JSON */
export function lastJson({ code, stdout, stderr }: Ran): Record<string, unknown> {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch (cause) {
    const said = `said ${JSON.stringify(line.slice(0, 200))}, and on stderr: ${stderr.slice(-1_000)}`
    throw new Error(`The command with exit code ${code} ${said}`, { cause })
  }
}

/** A daemon that said it is ready. */
export interface Daemon {
  readonly child: ChildProcess
  readonly data: string
  readonly ready: Record<string, unknown>
  /** Ends it and resolves with how it ended. */
  end(signal?: NodeJS.Signals): Promise<[number | null, NodeJS.Signals | null]>
}

/** Folders and processes of one test file; `end` leaves nothing behind. */
export interface Workshop {
  folder(name: string): string
  start(name: string, args: readonly string[], file?: string, env?: NodeJS.ProcessEnv): Promise<Daemon>
  end(): Promise<void>
}

export async function openWorkshop(): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), 'cli-'))
  const children: ChildProcess[] = []
  const start: Workshop['start'] = async (name, args, file = commandFile, env = {}) => {
    const data = join(root, name)
    const child = spawnCommand([...args, '--data', data], env, file)
    children.push(child)
    const ready = await readyLine(child)
    return { child, data, ready, end: signal => endChild(child, signal) }
  }
  return {
    folder: name => join(root, name),
    start,
    end: async () => {
      await Promise.all(children.map(child => endChild(child, 'SIGKILL')))
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** Starts the command with `--json`, to stay in the foreground. */
export const spawnCommand = (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  file = commandFile,
): ChildProcess =>
  spawn(process.execPath, [file, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })

/** What it says once it is ready. @throws Error when it says something else first, or ends */
export async function readyLine(child: ChildProcess): Promise<Record<string, unknown>> {
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const line = await new Promise<string | undefined>(resolve => {
    if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', () => resolve(undefined))
  })
  const told = line === undefined ? undefined : (JSON.parse(line) as Record<string, unknown>)
  if (told?.['event'] !== 'ready')
    throw new Error(`${child.spawnargs.slice(1).join(' ')} did not start: ${line ?? said}`)
  return told
}

/** Ends it, if it runs, and resolves with how it ended. */
export async function endChild(
  child: ChildProcess,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<[number | null, NodeJS.Signals | null]> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  return [child.exitCode, child.signalCode]
}
