/** Programs of other projects that do the work: docker, helm, ssh. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { execFile } from 'node:child_process'

export interface CommandOptions {
  signal: AbortSignal
  /** Beside the variables of this process. */
  env?: Readonly<Record<string, string>>
}

export interface Commands {
  /** @returns its stdout @throws MeshError unavailable with the end of its stderr */
  run(command: readonly string[], options: CommandOptions): Promise<string>
}

export interface CommandsInit {
  env: NodeJS.ProcessEnv
  /** Called for each that is started. @returns called when it has ended */
  began(pid: number): () => void
}

const mostOutput = 64 * 1024 * 1024
const linesOfError = 5

export const commands = ({ env, began }: CommandsInit): Commands => ({
  run: ([file = '', ...args], options) =>
    new Promise((resolve, reject) => {
      let ended = () => {}
      // `detached`: Ctrl-C reaches this process alone, which decides what it ends and how it rolls back.
      const all = { env: { ...env, ...options.env }, detached: true, maxBuffer: mostOutput }
      const child = execFile(file, args, { ...all, signal: options.signal }, (error, stdout, stderr) => {
        ended()
        if (error === null) resolve(stdout.trimEnd())
        else if (options.signal.aborted) reject(options.signal.reason as Error)
        else reject(failure([file, ...args], error.code, stderr))
      })
      if (child.pid !== undefined) ended = began(child.pid)
    }),
})

function failure(command: readonly string[], code: unknown, stderr: string): MeshError {
  const said = stderr.trim().split('\n').slice(-linesOfError).join('\n')
  const shown = command.slice(0, 6).join(' ')
  const [file = ''] = command
  return code === 'ENOENT'
    ? new MeshError('unavailable', `Cannot run ${file}: it is not installed`)
    : new MeshError('unavailable', `Cannot run ${shown}: exit ${String(code)}: ${said}`)
}
