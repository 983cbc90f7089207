/** A gate of `npm run gates`: what must hold before a change is accepted. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const checkout = join(import.meta.dirname, '..', '..', '..')

/** How a gate ended. */
export interface Verdict {
  readonly result: 'passed' | 'failed' | 'skipped'
  /** What was counted or measured, with its unit. */
  readonly figure?: string
  /** What the figure is compared with. */
  readonly limit?: string
  /** Of a failure: what is wrong, and what to do; of a skipped gate: the reason; of one that passed: what to look at all the same. */
  readonly said?: string
}

export interface Gate {
  readonly name: string
  /** Part of `--fast`: seconds, and nothing of the network but tools that are installed once. */
  readonly fast: boolean
  /** @param say shows how far it is, of a gate that takes minutes */
  run(say: (progress: string) => void): Promise<Verdict>
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  /** Both outputs as they came. */
  readonly said: string
  /** The program is not on this machine. */
  readonly missing: boolean
}

export interface ProgramOptions {
  readonly input?: string
  readonly cwd?: string
  /** It is terminated then, and has no exit code. */
  readonly withinMs?: number
  /** Gets what it prints to stdout, as it comes. */
  readonly printed?: (text: string) => void
}

/** Runs a program of the checkout or of the PATH until it ends. */
export function program(
  [file = '', ...args]: readonly string[],
  { input = '', cwd = checkout, withinMs, printed }: ProgramOptions = {},
): Promise<Ended> {
  return new Promise(resolve => {
    const child = spawn(file, args, {
      ...{ cwd, stdio: ['pipe', 'pipe', 'pipe'] },
      ...(withinMs !== undefined && { timeout: withinMs }),
    })
    let [stdout, said] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      said += text
      printed?.(text)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.on('error', error =>
      resolve({
        code: null,
        stdout,
        said: `${said}${error.message}\n`,
        missing: 'code' in error && error.code === 'ENOENT',
      }),
    )
    child.on('close', code => resolve({ code, stdout, said, missing: false }))
    // A program that ends early reads nothing.
    child.stdin.on('error', () => undefined).end(input)
  })
}

/** Absent tools fail in CI, so that no gate is skipped there unseen. */
export const withoutTool = (reason: string): Verdict => ({
  result: process.env['CI'] === 'true' ? 'failed' : 'skipped',
  said: reason,
})

/** A gate that is a command of its own: it ends with `N passed, N failed`, which is the figure. */
export const commandGate = (name: string, fast: boolean, command: readonly string[]): Gate => ({
  name,
  fast,
  run: async () => {
    const { code, said } = await program(command)
    const counts = [...said.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1)
    const figure =
      counts === undefined
        ? {}
        : { figure: `${counts[2]} of ${Number(counts[1]) + Number(counts[2])} failed`, limit: '0' }
    return {
      ...figure,
      result: code === 0 ? 'passed' : 'failed',
      ...(code !== 0 && { said: `${command.join(' ')}:\n${said}` }),
    }
  },
})

/** @param faults one line each */
export const faultless = (faults: readonly string[], figure: string): Verdict =>
  faults.length === 0
    ? { result: 'passed', figure: `0 faults in ${figure}`, limit: '0' }
    : {
        result: 'failed',
        figure: `${faults.length} faults in ${figure}`,
        limit: '0',
        said: faults.join('\n'),
      }
