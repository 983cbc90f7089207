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

  /**
   * Runs a script of `sh`, which ends with the connection.
   * @param graceMs ms that it has to end when it is called off; then the connection ends without it. @default 20,000
   * @returns its stdout @throws CommandFailure which names the machine
   */
  async run(script: string, signal: AbortSignal, graceMs?: number): Promise<string> {
    const input = whileConnected(script)
    const grace = graceMs === undefined ? {} : { graceMs }
    try {
      return await this.#commands.run(this.#command, { signal, input, holdsInput: true, ...grace })
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

/** No line of a script. */
const mark = 'THE-SCRIPT-ENDS-HERE'

/**
 * Without a terminal nothing on the machine learns that the connection has ended but a reader of stdin: one beside the script
 * sends SIGTERM to all that the script runs when stdin ends. In braces, so that the shell has read all of it before the reader begins;
 * the script on standard input again, as it may have a token. Nothing of it keeps stdin open, which is one socket with stdout.
 */
const whileConnected = (script: string): string => `{
exec 3<&0
setsid sh -s 3<&- <<'${mark}' &
trap 'exit 143' TERM
set -eu
{
${script}
} < /dev/null
${mark}
work=$!
(
  while read -r line <&3; do :; done
  while kill -0 "$work" && ! kill -s TERM -- "-$work"; do sleep 0.1; done
) > /dev/null 2>&1 &
reader=$!
exec 3<&-
code=0
wait "$work" || code=$?
kill -s KILL "$reader" 2> /dev/null || true
exit "$code"
}
`

/** One word of a shell. */
export const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`
