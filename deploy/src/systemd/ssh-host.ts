/** A machine by `ssh`: what runs there is a script on the standard input of a shell, so that no argument shows a secret. */
import { CommandFailure, type Commands } from '../commands.ts'
import type { Host, Hosts } from './hosts-file.ts'

/** Between two signs of life, s; the third that is missing ends the connection. */
const aliveSeconds = 15

export class SshHost {
  readonly host: Host
  readonly #commands: Commands
  readonly #command: readonly string[]

  constructor(commands: Commands, { as, options }: Pick<Hosts, 'as' | 'options'>, host: Host) {
    this.host = host
    this.#commands = commands
    const settings = ['BatchMode=yes', 'ConnectTimeout=20', `ServerAliveInterval=${aliveSeconds}`]
    const ssh = ['ssh', '-T', ...settings.flatMap(it => ['-o', it]), ...options, host.ssh]
    this.#command = [...ssh, ...[...as, 'sh', '-s'].map(quoted)]
  }

  /** Runs a script of `sh`. @returns its stdout @throws CommandFailure which names the machine */
  async run(script: string, signal: AbortSignal): Promise<string> {
    try {
      return await this.#commands.run(this.#command, { signal, input: `set -eu\n${script}\n` })
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error
      const { name, ssh } = this.host
      throw new CommandFailure(`on ${name} (${ssh})`, error.exit, error.said)
    }
  }

  /** The script of `agent-mesh ARGS` in the data folder of the service. */
  agentMesh(...args: readonly string[]): string {
    return this.agentMeshIn(this.host.data, ...args)
  }

  /** The same in another folder. */
  agentMeshIn(data: string, ...args: readonly string[]): string {
    return [this.host.program, '--data', data, ...args].map(quoted).join(' ')
  }
}

/** One word of a shell. */
export const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`
