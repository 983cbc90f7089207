/** Programs of other projects that do the work: docker, helm, ssh. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { execFile } from 'node:child_process'

export interface CommandOptions {
  signal: AbortSignal
  /** Beside the variables of this process. */
  env?: Readonly<Record<string, string>>
  /** @default none */
  input?: string
  /** Its stdin stays open while it runs, and the end of it calls it off, in place of SIGTERM. @default false */
  holdsInput?: boolean
  /** ms that it has to end when it is called off; then it is killed. @default 20,000 */
  graceMs?: number
}

/** ms for a command that goes back by itself when it is called off: what it began and its way back last `healthyMs` each at most. */
export const graceToGoBack = (healthyMs: number): number => 2 * healthyMs + 30_000

export interface Commands {
  /** @returns its stdout @throws CommandFailure; MeshError unavailable where it is not installed */
  run(command: readonly string[], options: CommandOptions): Promise<string>
}

export interface CommandsInit {
  env: NodeJS.ProcessEnv
  /** Called for each that is started. @param command for the operator @returns called when it has ended */
  began(pid: number, command: string): () => void
}

const mostOutput = 64 * 1024 * 1024
const linesOfError = 5
const defaultGraceMs = 20_000

export const commands = ({ env, began }: CommandsInit): Commands => ({
  run: ([file = '', ...args], { env: more, input = '', holdsInput, signal, graceMs = defaultGraceMs }) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      let ended = () => {}
      // `detached`: Ctrl-C reaches this process alone, which decides what it ends and how it rolls back.
      const all = { env: { ...env, ...more }, detached: true, maxBuffer: mostOutput }
      const child = execFile(file, args, all, (error, stdout, stderr) => {
        ended()
        signal.removeEventListener('abort', stop)
        clearTimeout(late)
        if (signal.aborted) reject(signal.reason as Error)
        else if (error === null) resolve(stdout.trimEnd())
        else reject(failure([file, ...args], error.code, stderr.trim() || stdout.trim()))
      })
      // One that has ended reads no more.
      child.stdin?.on('error', () => {})
      child.stdin?.write(input)
      if (holdsInput !== true) child.stdin?.end()
      // What follows begins when it has ended: both would change the same containers.
      let late: NodeJS.Timeout | undefined
      const stop = () => {
        if (holdsInput === true) child.stdin?.end()
        else child.kill('SIGTERM')
        late = setTimeout(() => child.kill('SIGKILL'), timerDelay(graceMs))
      }
      signal.addEventListener('abort', stop, { once: true })
      if (child.pid !== undefined) ended = began(child.pid, titleOf([file, ...args]))
    }),
})

type ExitCode = number | string | null | undefined

/** A command that ended with another exit code than 0. */
export class CommandFailure extends MeshError {
  /** No number where a signal ended it. */
  readonly exit: ExitCode
  /** The end of its stderr, or of its stdout. */
  readonly said: string

  /** @param command for the operator */
  constructor(command: string, exit: ExitCode, said: string) {
    super('unavailable', `Cannot run ${command}: exit ${String(exit)}: ${said}`)
    this.exit = exit
    this.said = said
  }
}

function failure(command: readonly string[], code: ExitCode, output: string): MeshError {
  const [file = ''] = command
  if (code === 'ENOENT') return new MeshError('unavailable', `Cannot run ${file}: it is not installed`)
  const said = output.split('\n').slice(-linesOfError).join('\n')
  return new CommandFailure(titleOf(command), code, said)
}

const titleOf = (command: readonly string[]): string => command.slice(0, 6).join(' ')
