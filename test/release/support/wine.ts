/** Wine runs programs for Windows on Linux x64. Node in it cannot use pipes of this system, so what it prints goes to files. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** A program that is to end is killed after this, ms. */
const timeout = 240_000
/** Its server ends within this, ms. */
const serverMs = 30_000

export const winePackages = 'wine wine64'
export const wineFiles = ['/usr/bin/wine', '/usr/lib/wine/wine64'] as const

/** A program that stays. */
export interface WineProcess {
  /** What it has printed until now. */
  printed(): Promise<string>
  /** As Ctrl-C does; resolves when it has ended. */
  interrupt(): Promise<void>
}

export interface Wine {
  /** A path of this system as Windows has it. */
  path(path: string): string
  /** Runs a program to its end. @returns what it printed, on both outputs */
  run(program: string, args: readonly string[]): Promise<string>
  start(program: string, args: readonly string[]): Promise<WineProcess>
  /** Ends all that runs in it. */
  end(): Promise<void>
}

/** @param folder gets a Windows of its own */
export async function openWine(folder: string): Promise<Wine> {
  const env = { ...process.env, WINEPREFIX: join(folder, 'wine'), WINEDEBUG: '-all', HOME: folder }
  let started = 0
  const start = async (program: string, args: readonly string[], timeout?: number) => {
    const file = join(folder, `printed-${++started}`)
    const output = await open(file, 'w')
    const child = spawn('wine', [program, ...args], { env, stdio: ['ignore', output.fd, output.fd], timeout })
    await once(child, 'spawn')
    await output.close()
    const ended = once(child, 'exit')
    const printed = async () => (await readFile(file, 'utf8')).trim()
    return { child, ended, printed }
  }
  // Node asks for Windows 10.
  const version = ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f']
  await run('wine', version, { env, timeout })
  return {
    path: path => `Z:${path.replaceAll('/', '\\')}`,
    run: async (program, args) => {
      const { ended, printed } = await start(program, args, timeout)
      await ended
      return printed()
    },
    start: async (program, args) => {
      const { child, ended, printed } = await start(program, args)
      return {
        printed,
        interrupt: async () => {
          child.kill('SIGINT')
          await ended
        },
      }
    },
    // Its server writes into the folder for seconds after the last program.
    end: async () => {
      // It fails where none runs.
      await run('wineserver', ['-k'], { env, timeout: serverMs }).catch(() => undefined)
      await run('wineserver', ['-w'], { env, timeout: serverMs })
    },
  }
}
