import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalValue } from '@agent-mesh/protocol/local-value'
import { parse } from '@agent-mesh/protocol/parse'

import { openInput } from '../data/read-input.ts'
import { outputs } from '../exec/output-bytes.ts'
import type { ExitCode } from '../exit-codes.ts'
import { offByOwner } from '../files/off-by-owner.ts'
import { parsePeer } from '../name-arguments.ts'
import { jsonText } from '../show/output.ts'
import { write } from '../show/raw.ts'
import { RemoteText } from '../show/remote-text.ts'
import { onCall, type Register } from './define.ts'

/** Of a shell, for a command that a signal ended. */
const bySignal = 128 as ExitCode

export const registerExec: Register = (program, finish) => {
  const command = program
    .command('exec')
    .description(
      'run a program of a member: its input, output, errors and exit code are those of the command',
    )
    .argument('<member>', 'name or peer id', parsePeer)
    .argument('<command...>', 'program and arguments, behind --')
    .addHelpText(
      'after',
      `
The owner of the other machine allows programs with "agent-mesh up --allow-exec 'PROGRAM ARGS'", and the policy grants
service:exec.run, which no member has by default. There is no shell and no terminal. Ctrl-C ends the program there and what it started.

Examples:
  $ agent-mesh exec web-1 -- systemctl status nginx
  $ agent-mesh exec db-1 -- pg_dump shop > shop.sql
  $ agent-mesh exec web-1 -- uptime < /dev/null

The exit code is that of the program. Before it has begun: 3 no agent runs here, 4 the policy or the owner does not allow it,
6 not reachable, or 16 programs run there, 8 of one member, 7 no such member or program; 6 when the path is lost, 130 interrupted,
128 when a signal ended the program. With --json each piece of output is {"stdout"} or {"stderr"}, and the last line {"end": {"code"}}.`,
    )
  onCall<object, [string, string[]]>(command, finish, async ({ settings, output, signal }, peer, words) => {
    const { localClient } = await import('../local/local-client.ts')
    const { execEnd } = await import('../exec/exec-values.ts')
    const request = { method: 'exec.run', peer, params: { command: words } }
    const messages = localClient(settings.data, signal).stream(request, standardInput())
    const [out, error] = [new RemoteText(process.stdout), new RemoteText(process.stderr)]
    try {
      for (;;) {
        const { done, value } = await messages.next()
        if (done === true) {
          const { code, signal: by } = parse(
            execEnd,
            value.value,
            `read the reply of ${peer}`,
            'protocol_error',
          )
          if (output.json) await write(`${jsonText({ end: { code, signal: by } })}\n`, signal)
          else if (by !== undefined) process.stderr.write(`ended by ${by}\n`)
          return (code as ExitCode | undefined) ?? bySignal
        }
        const bytes = Buffer.from(value.bytes ?? '', 'base64')
        const isOut = bytes[0] === outputs.stdout
        const said = bytes.subarray(1)
        if (output.json)
          await write(`${jsonText({ [isOut ? 'stdout' : 'stderr']: said.toString() })}\n`, signal)
        else await (isOut ? out : error).write(said, signal)
      }
    } catch (thrown) {
      if (signal.aborted) throw new MeshError('cancelled', `Cannot finish ${words[0]}: interrupted`)
      const asked = { action: `run ${words[0]} on ${peer}`, peer, option: "--allow-exec 'PROGRAM ARGS'" }
      throw offByOwner(thrown, asked)
    } finally {
      await messages.return(undefined as never)
      process.stdin.destroy()
    }
  })
}

async function* standardInput(): AsyncGenerator<LocalValue, void, undefined> {
  for await (const piece of openInput('-')) yield { bytes: piece.toString('base64') }
}
