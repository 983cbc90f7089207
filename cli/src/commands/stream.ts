import type { LocalStreamEnd } from '@agent-mesh/protocol/local-stream'
import type { LocalValue } from '@agent-mesh/protocol/local-value'
import { MeshError } from '@agent-mesh/protocol/errors'
import { Option } from 'commander'

import { parseDuration, parseFile } from '../arguments.ts'
import { parseExact } from '../data/call-params.ts'
import { nameOf, openInput } from '../data/read-input.ts'
import { commandDefaults } from '../defaults.ts'
import { exitCodes } from '../exit-codes.ts'
import { linesOf } from '@agent-mesh/agent/gateway/lines'
import { parsePeer } from '../name-arguments.ts'
import { jsonText } from '../show/output.ts'
import { refuseTerminal, write, writeRaw } from '../show/raw.ts'
import { paramsHelp, paramsRequest, takesParams, type ParamsFlags } from './call-request.ts'
import { onCall, type Register } from './define.ts'
import { toldUnserved } from './unserved.ts'

interface Options extends ParamsFlags {
  peer?: string
  timeout?: number
  input?: string
  inputBytes?: string
  raw?: true
}

const streamHelp = `${paramsHelp}

Examples:
  $ agent-mesh stream log.tail '{"file":"app.log"}' --peer web-1
  $ agent-mesh stream log.tail -f file=app.log --json | jq .value
  $ agent-mesh stream backup.read > backup.tar
  $ tar c src | agent-mesh stream backup.write --input-bytes -
  $ jq -c .[] orders.json | agent-mesh stream shop.import --input -

Bytes are written as they are, to a file or a pipe. Ctrl-C ends the stream, here and at the member that serves it. A slow
reader slows the method down.

Exit codes: 0 ended, 4 the policy denies it, 5 timed out, 6 no provider is reachable or the path was lost, 7 no member serves it,
130 interrupted.

With --json each message is {"value"} or, with raw bytes as base64, {"bytes"}; the last line is {"end": {"value", "peerId", "ms"}},
with what the method returned, or {"error"}. Without --json that goes to standard error.`

export const registerStream: Register = (program, finish) => {
  const command = takesParams(
    program
      .command('stream')
      .description('call a method that streams: each message is a line')
      .option('--peer <name|id>', 'member to call (default: any provider of the service)', parsePeer)
      .option(
        '--input <file>',
        'messages for the method, a line of JSON each; - for standard input',
        parseFile,
      )
      .addOption(
        new Option('--input-bytes <file>', 'the bytes of a file as messages, in pieces of at most 64 KiB')
          .argParser(parseFile)
          .conflicts('input'),
      )
      .option('--raw', 'write a text without quotes and without a new line')
      .option('--timeout <time>', 'timeout of the whole stream: 5s, 1h (default: none)', parseDuration),
  ).addHelpText('after', streamHelp)
  onCall<Options, [string, string | undefined]>(
    command,
    finish,
    async ({ settings, options, output, signal }, method, source) => {
      const { localClient } = await import('../local/local-client.ts')
      const { peer, timeout, raw } = options
      if (raw) refuseTerminal()
      const input = inputOf(options, source)
      const request = {
        ...{ method, ...(await paramsRequest(source, options)) },
        ...(peer !== undefined && { peer }),
        ...(timeout !== undefined && { timeoutMs: timeout }),
      }
      const messages = localClient(settings.data, signal).stream(request, input)
      try {
        for (;;) {
          const { done, value } = await messages.next()
          if (done === true) return await showEnd(value, output.json, signal)
          if (output.json) await write(`${jsonText(value)}\n`, signal)
          else await writeMessage(value, { raw, signal })
        }
      } catch (thrown) {
        if (signal.aborted) return exitCodes.interrupted
        throw toldUnserved(thrown)
      } finally {
        await messages.return(undefined as never)
      }
    },
  )
}

async function writeMessage(
  message: LocalValue,
  { raw, signal }: { raw: true | undefined; signal: AbortSignal },
): Promise<void> {
  if (message.bytes !== undefined) refuseTerminal('bytes')
  if (raw || message.bytes !== undefined) await writeRaw(message, signal)
  else await write(`${jsonText(message.value)}\n`, signal)
}

async function showEnd(end: LocalStreamEnd, json: boolean, signal: AbortSignal): Promise<void> {
  if (json) return write(`${jsonText({ end })}\n`, signal)
  if (end.value !== undefined) process.stderr.write(`returned ${jsonText(end.value)}\n`)
}

/** @throws MeshError invalid_argument when two are read from stdin */
function inputOf(
  { input, inputBytes, bytes }: Options,
  source: string | undefined,
): AsyncIterable<LocalValue> | undefined {
  const file = input ?? inputBytes
  if (file === undefined) return undefined
  if (file === '-' && (source === '-' || bytes === '-'))
    throw new MeshError(
      'invalid_argument',
      'Cannot stream: both the params and the messages are read from standard input',
    )
  return input === undefined ? pieces(file) : jsonMessages(file)
}

async function* pieces(file: string): AsyncGenerator<LocalValue, void, undefined> {
  for await (const piece of openInput(file)) yield { bytes: piece.toString('base64') }
}

async function* jsonMessages(file: string): AsyncGenerator<LocalValue, void, undefined> {
  const from = nameOf(file)
  let line = 0
  for await (const text of linesOf(openInput(file), commandDefaults.localRequestBytes, from))
    yield { value: parseExact(text, 'message', `line ${++line} of ${from}`, 'read messages') }
}
