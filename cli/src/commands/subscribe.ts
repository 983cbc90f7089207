import type { LocalTopicMessage } from '@agent-mesh/protocol/local-topics'

import { parseCount } from '../arguments.ts'
import { exitCodes } from '../exit-codes.ts'
import { parseGroup, parseTopicPattern } from '../name-arguments.ts'
import { jsonText } from '../show/output.ts'
import { base64Bytes, write } from '../show/raw.ts'
import { render } from '../show/text.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  group?: string
  count?: number
  /** @default true */
  retained: boolean
}

export const registerSubscribe: Register = (program, finish) => {
  const command = program
    .command('subscribe')
    .description('write the messages of a topic as they come')
    .argument('<topic>', 'alerts.disk, or alerts.* for all that begin so', parseTopicPattern)
    .option('--group <name>', 'share the messages: each goes to one subscription of the group', parseGroup)
    .option('--count <count>', 'end after so many messages (default: at Ctrl-C)', parseCount)
    .option('--no-retained', 'leave out the last value of the topics')
    .addHelpText(
      'after',
      `
Each message is a line: topic, publisher, value. Messages are delivered at most once; a reader that is too slow loses the
oldest ones, and standard error says how many.

Examples:
  $ agent-mesh subscribe alerts.disk
  $ agent-mesh subscribe 'alerts.*' --json | jq .value
  $ agent-mesh subscribe jobs --group workers
  $ agent-mesh subscribe config.level --count 1 --json

Exit codes: 0 the messages of --count came, 4 the policy denies it, 6 the agent stopped, 130 interrupted.

With --json each message is {"topic", "value", "from": {"peerId", "name"}, "at", "retained", "lost"}, with raw bytes as "bytes" in
base64; "lost" counts the messages that were dropped before it. The last line is {"error"} if the subscription fails.`,
    )
  onCall<Options, [string]>(command, finish, async ({ settings, options, output, signal }, topic) => {
    const { localClient } = await import('../local/local-client.ts')
    const { group, retained, count = Infinity } = options
    const request = { topic, ...(group !== undefined && { group }), ...(!retained && { retained }) }
    let messages = 0
    try {
      for await (const line of localClient(settings.data, signal).subscribe(request)) {
        if (isMessage(line)) {
          if (output.json) await write(`${jsonText(line)}\n`, signal)
          else await writeMessage(line, signal)
          if (++messages >= count) return
        } else if (!output.json) process.stderr.write(`subscribed to ${topic}\n`)
      }
    } catch (thrown) {
      if (signal.aborted) return exitCodes.interrupted
      throw thrown
    }
  })
}

const isMessage = (line: object): line is LocalTopicMessage => 'topic' in line

async function writeMessage(message: LocalTopicMessage, signal: AbortSignal): Promise<void> {
  const { topic, from, lost, value, bytes } = message
  if (lost > 0) process.stderr.write(`lost ${lost} messages\n`)
  const text = bytes === undefined ? jsonText(value) : `${base64Bytes(bytes)} bytes, see --json`
  await write(`${render([`${topic} ${from.name} ${text}`])}\n`, signal)
}
