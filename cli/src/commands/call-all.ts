import { MeshError } from '@agent-mesh/protocol/errors'

import { parseFields } from '../arguments.ts'
import { exitCodes } from '../exit-codes.ts'
import { withProgress } from '../show/progress.ts'
import { resultTable } from '../show/result-table.ts'
import { callRequest, paramsHelp, takesCall, type CallFlags } from './call-request.ts'
import { onCall, type Register } from './define.ts'

interface Options extends CallFlags {
  offline?: true
  fields?: string[]
}

export const registerCallAll: Register = (program, finish) => {
  const command = takesCall(
    program.command('call-all').description('call a method on every online member that serves it'),
  )
    .option('--offline', 'also call members that are believed offline')
    .option(
      '--fields <names>',
      'fields of the answers to show in the table: hostname,cpu.load.0',
      parseFields,
    )
    .addHelpText(
      'after',
      `${paramsHelp}

Examples:
  $ agent-mesh call-all host.info
  $ agent-mesh call-all host.info --fields hostname,cpu.model,cpu.load.0
  $ agent-mesh call-all host.info --offline
  $ agent-mesh call-all host.info --timeout 3s --json | jq '.results[] | select(.ok | not)'

The table shows up to six fields of the answers, or those of --fields: dots name a field within another, 0 the first item of
a list. --json has the whole answers.

Exit codes: 0 all answered, 1 some failed (the others are printed), 6 all providers are offline, 7 no member serves it.`,
    )
  onCall<Options, [string, string | undefined]>(
    command,
    finish,
    async ({ settings, options, output, signal }, method, params) => {
      const [{ localClient }, { contractTimeout }] = await Promise.all([
        import('../local/local-client.ts'),
        import('../local/contract-timeout.ts'),
      ])
      const { offline, timeout } = options
      const request = { ...(await callRequest(method, params, options)), ...(offline && { offline }) }
      const client = localClient(settings.data, signal)
      const { results, skipped = 0 } = await withProgress(
        settings,
        `Calling ${method} on all members`,
        async () =>
          client.callAll({ ...request, timeoutMs: timeout ?? (await contractTimeout(client, method)) }),
      )
      if (results.length === 0) throw nobody(method, skipped)
      output.result({ results, skipped }, () => {
        const table = resultTable(method, results, options.fields, output)
        return skipped === 0
          ? table
          : [table, `${skipped} offline, not called (--offline calls them as well)`]
      })
      return results.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.failure
    },
  )
}

const nobody = (method: string, skipped: number): MeshError =>
  skipped === 0
    ? new MeshError('not_found', `Cannot call ${method}: no known member serves it`, {
        hint: 'List services and their providers with "agent-mesh services".',
      })
    : new MeshError('unavailable', `Cannot call ${method}: all ${skipped} providers are offline`, {
        hint: 'Call them anyway with --offline.',
      })
