import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalValue } from '@agent-mesh/protocol/local-value'

import { parsePeer } from '../name-arguments.ts'
import { jsonLines, type Output } from '../show/output.ts'
import { base64Bytes, refuseTerminal, writeRaw } from '../show/raw.ts'
import { withProgress } from '../show/progress.ts'
import { render } from '../show/text.ts'
import { callRequest, paramsHelp, takesCall, type CallFlags } from './call-request.ts'
import { onCall, type Register } from './define.ts'
import { toldUnserved } from './unserved.ts'

interface Options extends CallFlags {
  peer?: string
  explain?: true
  raw?: true
}

export const registerCall: Register = (program, finish) => {
  const command = takesCall(
    program
      .command('call')
      .description('call a method of a service')
      .option('--peer <name|id>', 'member to call (default: any provider of the service)', parsePeer)
      .option('--raw', 'write bytes, or a text without quotes, as they are: to a file or a pipe')
      .option('--explain', 'also show which providers were considered, each try, and how long it took'),
  ).addHelpText(
    'after',
    `${paramsHelp}

Examples:
  $ agent-mesh call host.info
  $ agent-mesh call math.add '{"a":1,"b":2}' --peer web-1 --timeout 2s
  $ agent-mesh call math.add -F a=1 -F b=2
  $ agent-mesh call vault.store -f name=db -F password=@/run/secrets/db
  $ jq . order.json | agent-mesh call shop.order -
  $ agent-mesh call images.shrink '{"width":100}' --bytes photo.png --raw > small.png
  $ agent-mesh call host.info --json | jq .value.uptime
  $ agent-mesh call math.add '{"a":1,"b":2}' --explain

Exit codes: 0 answered, 5 timed out, 6 no provider is reachable, 7 no member serves it.

With --json the result is {"value", "bytes", "peerId", "name", "path", "ms"}, with raw bytes as base64; with --explain also
"explanation", of a call that failed in error.details. Without --json, the value alone, and the explanation on standard error.`,
  )
  onCall<Options, [string, string | undefined]>(
    command,
    finish,
    async ({ settings, options, output, signal }, method, params) => {
      const [{ localClient }, { contractTimeout }] = await Promise.all([
        import('../local/local-client.ts'),
        import('../local/contract-timeout.ts'),
      ])
      const { peer, explain, raw, timeout } = options
      if (raw) refuseTerminal()
      const request = {
        ...(await callRequest(method, params, options)),
        ...(peer !== undefined && { peer }),
        ...(explain && { explain }),
      }
      const client = localClient(settings.data, signal)
      const reply = await withProgress(settings, `Calling ${method}`, async () =>
        client.call({ ...request, timeoutMs: timeout ?? (await contractTimeout(client, method, peer)) }),
      ).catch(async (thrown: unknown) => {
        if (explain && thrown instanceof MeshError) await showExplanation(thrown.details, output)
        throw toldUnserved(thrown)
      })
      if (explain) await showExplanation({ explanation: reply.explanation }, output)
      if (raw) return writeRaw(reply, signal)
      output.result(reply, () => answerText(reply))
    },
  )
}

const answerText = ({ value, bytes }: LocalValue): string[] => [
  ...(bytes === undefined || value !== undefined ? jsonLines(value) : []),
  ...(bytes === undefined
    ? []
    : [`${base64Bytes(bytes)} bytes: --raw writes them, --json shows them as base64`]),
]

/** On standard error: the value alone is the result. With --json it is part of that. */
async function showExplanation(details: Record<string, unknown> | undefined, output: Output): Promise<void> {
  const { explanationIn, explanationText } = await import('../show/explanation.ts')
  const explanation = explanationIn(details)
  if (explanation === undefined || output.json) return
  process.stderr.write(`${render(explanationText(explanation, output))}\n`)
}
