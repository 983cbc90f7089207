import { jsonLines } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import { callRequest, paramsHelp, takesCall, type CallFlags } from './call-request.ts'
import { onCall, type Register } from './define.ts'

interface Options extends CallFlags {
  peer?: string
}

export const registerCall: Register = (program, finish) => {
  const command = takesCall(
    program
      .command('call')
      .description('call a method of a service')
      .option('--peer <name|id>', 'whom to call (default: anyone who serves it)'),
  ).addHelpText(
    'after',
    `${paramsHelp}

Examples:
  $ agent-mesh call host.info
  $ agent-mesh call math.add '{"a":1,"b":2}' --peer web-1 --timeout 2s
  $ agent-mesh call math.add -F a=1 -F b=2
  $ agent-mesh call vault.store -f name=db -F password=@/run/secrets/db
  $ jq . order.json | agent-mesh call shop.order -
  $ agent-mesh call host.info --json | jq .value.uptime

With --json the result is {"value", "peerId", "name", "path", "ms"}; without, the value alone.`,
  )
  onCall<Options, [string, string | undefined]>(
    command,
    finish,
    async ({ settings, options, output, signal }, method, params) => {
      const { localClient } = await import('../local/local-client.ts')
      const { peer } = options
      const request = { ...(await callRequest(method, params, options)), ...(peer !== undefined && { peer }) }
      const reply = await withProgress(settings, `Calling ${method}`, () =>
        localClient(settings.data, signal).call(request),
      )
      output.result(reply, () => jsonLines(reply.value))
    },
  )
}
