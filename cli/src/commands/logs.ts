import { countUpTo } from '../arguments.ts'
import { parseRemotePlace, type RemotePlace } from '../files/copy-place.ts'
import { exitCodes } from '../exit-codes.ts'
import { offByOwner } from '../files/off-by-owner.ts'
import { parsePeer } from '../name-arguments.ts'
import { jsonText } from '../show/output.ts'
import { write } from '../show/raw.ts'
import { RemoteText } from '../show/remote-text.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  lines: number
  follow?: true
}

export const registerLogs: Register = (program, finish) => {
  const command = program
    .command('logs')
    .description('show the end of the log of a member, or of a file there')
    .argument('<member>', 'member, for the log of its agent; or MEMBER:/PATH', parseLogged)
    .option('-n, --lines <n>', 'lines to show first, 0 to 100,000', countUpTo(100_000, 0), 100)
    .option('-f, --follow', 'continue with what is added, until Ctrl-C')
    .addHelpText(
      'after',
      `
The owner of the other machine allows it with "agent-mesh up --allow-logs", for its own log, or --allow-files DIR, for files below DIR;
and the policy grants service:files.tail, which no member has by default. A file that is replaced (log rotation) is followed under its name.

Examples:
  $ agent-mesh logs web-1 --follow
  $ agent-mesh logs web-1:/var/log/syslog --lines 20
  $ agent-mesh logs web-1 --json | jq -r .line

Exit codes: 0 shown, 4 the policy or the owner does not allow it, 6 not reachable, or the path was lost, 7 no such file or member,
130 interrupted.`,
    )
  onCall<Options, [RemotePlace | { peer: string }]>(
    command,
    finish,
    async ({ settings, options, output, signal }, { peer, ...place }) => {
      const { localClient } = await import('../local/local-client.ts')
      const params = { ...place, lines: options.lines, follow: options.follow === true }
      const pieces = localClient(settings.data, signal).stream({ method: 'files.tail', peer, params })
      try {
        await (output.json ? showLines : showText)(pieces, signal)
      } catch (thrown) {
        if (signal.aborted) return exitCodes.interrupted
        const isOfAgent = !('path' in place)
        const action = isOfAgent ? `read the log of ${peer}` : `read ${place.path} of ${peer}`
        const option = isOfAgent ? '--allow-logs' : '--allow-files DIR'
        throw offByOwner(thrown, { action, peer, option })
      }
    },
  )
}

type Pieces = AsyncIterable<{ bytes?: string | undefined }>

async function showText(pieces: Pieces, signal: AbortSignal): Promise<void> {
  const text = new RemoteText(process.stdout)
  for await (const { bytes = '' } of pieces) await text.write(Buffer.from(bytes, 'base64'), signal)
}

/** A line of JSON for each. */
async function showLines(pieces: Pieces, signal: AbortSignal): Promise<void> {
  const show = (line: string) => write(`${jsonText({ line })}\n`, signal)
  const decoder = new TextDecoder()
  let rest = ''
  for await (const { bytes = '' } of pieces) {
    const lines = `${rest}${decoder.decode(Buffer.from(bytes, 'base64'), { stream: true })}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) await show(line)
  }
  if (rest !== '') await show(rest)
}

/** @throws InvalidArgumentError */
const parseLogged = (text: string): RemotePlace | { peer: string } =>
  text.includes(':') ? parseRemotePlace(text) : { peer: parsePeer(text) }
