import { parseJsonArgument } from '../arguments.ts'
import { withProgress } from '../show/progress.ts'
import { onCall, type Register } from './define.ts'
import { timeoutOption } from './timeout.ts'

interface Options {
  peer?: string
  timeout: number
  idempotent?: true
}

export const registerCall: Register = (program, finish) => {
  const command = program
    .command('call')
    .description('call a method of a service and print its result')
    .argument('<method>', 'service.method')
    .argument('[params]', 'JSON', parseJsonArgument)
    .option('--peer <name|id>', 'whom to call (default: anyone who serves it)')
    .addOption(timeoutOption())
    .option('--idempotent', 'running it twice does no harm: repeat it when its link breaks')
    .addHelpText(
      'after',
      `
Examples:
  $ agent-mesh call host.info
  $ agent-mesh call math.add '{"a":1,"b":2}' --peer web-1 --timeout 2s
  $ agent-mesh call host.info --json | jq .value.uptime

With --json the result is {"value", "peerId", "name", "path", "ms"}; without, the value alone.`,
    )
  onCall<Options, [string, unknown]>(
    command,
    finish,
    async ({ settings, options, output, signal }, method, params) => {
      const { localClient } = await import('../local/local-client.ts')
      const { peer, timeout, idempotent } = options
      const request = {
        method,
        params,
        timeoutMs: timeout,
        ...(peer !== undefined && { peer }),
        ...(idempotent && { idempotent }),
      }
      const reply = await withProgress(settings, `Calling ${method}`, () =>
        localClient(settings.data, signal).call(request),
      )
      output.result(reply, () => JSON.stringify(reply.value ?? null, null, 2))
    },
  )
}
