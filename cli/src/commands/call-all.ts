import { MeshError } from '@agent-mesh/protocol/errors'

import { exitCodes } from '../exit-codes.ts'
import { withProgress } from '../show/progress.ts'
import { shortPeerId } from '../show/units.ts'
import { callRequest, takesCall, type CallOptions } from './call-request.ts'
import { onCall, type Register } from './define.ts'

export const registerCallAll: Register = (program, finish) => {
  const command = takesCall(
    program.command('call-all').description('call a method at everyone who serves it and gather the results'),
  ).addHelpText(
    'after',
    `
Examples:
  $ agent-mesh call-all host.info
  $ agent-mesh call-all host.info --timeout 3s --json | jq '.results[] | select(.ok | not)'

Exit codes: 0 all answered, 1 some did not (the others are printed), 7 nobody serves it.`,
  )
  onCall<CallOptions, [string, unknown]>(
    command,
    finish,
    async ({ settings, options, output, signal }, method, params) => {
      const { localClient } = await import('../local/local-client.ts')
      const request = callRequest(method, params, options)
      const { results } = await withProgress(settings, `Calling ${method} everywhere`, () =>
        localClient(settings.data, signal).callAll(request),
      )
      if (results.length === 0)
        throw new MeshError('not_found', `Cannot call ${method} everywhere: no known member serves it`, {
          hint: 'See who serves what with "agent-mesh services".',
        })
      output.result({ results }, () =>
        output.table(
          ['MEMBER', 'OK', 'RESULT'],
          results.map(result => [
            result.name ?? shortPeerId(result.peerId),
            result.ok ? output.style('green', 'yes') : output.style('red', 'no'),
            result.ok
              ? JSON.stringify(result.value ?? null)
              : `${result.error.code}: ${result.error.message}`,
          ]),
        ),
      )
      return results.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.failure
    },
  )
}
