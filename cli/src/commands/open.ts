import { MeshError } from '@agent-mesh/protocol/errors'

import type { LocalClient } from '../local/local-client.ts'
import { parsePortOfMember } from '../name-arguments.ts'
import type { MemberPort } from '../ports/local-pipe.ts'
import type { Output } from '../show/output.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  close?: boolean
}

export const registerOpen: Register = (program, finish) => {
  const command = program
    .command('open')
    .description('open a port of a member in a browser of this machine')
    .argument(
      '[port.member]',
      'what the member exposes the port as, and the member: grafana.web-1',
      parsePortOfMember,
    )
    .option('--close', 'sign out the browsers that opened it; without a port, all of this machine')
    .addHelpText(
      'after',
      `
Prints an address that opens the port once, in one browser, which may then use it for 12 hours. The agent needs a gateway:
agent-mesh up --gateway. With --close these browsers have to open it again, and addresses that were not opened yet open nothing.
See docs/gateway.md.

Examples:
  $ agent-mesh open grafana.web-1
  $ agent-mesh open web-1:grafana --json | jq -r .url
  $ agent-mesh open --close grafana.web-1
  $ agent-mesh open --close

Exit codes: 0 the address is printed, or browsers are signed out, 4 the policy or the owner of the port does not allow it, 6 not reachable, 7 no such member or
port, 8 another process has the port of the gateway on [::1].`,
    )
  onCall<Options, [MemberPort | undefined]>(
    command,
    finish,
    async ({ settings, options, output, signal }, to) => {
      const { localClient } = await import('../local/local-client.ts')
      const client = localClient(settings.data, signal)
      if (options.close === true) return close(client, to, output)
      if (to === undefined)
        throw new MeshError('invalid_argument', 'Cannot open a port: none is named', {
          hint: 'Write PORT.MEMBER, like grafana.web-1.',
        })
      const { url } = await client.open(to)
      output.result({ url }, () => [
        url,
        'The address opens the port once, in one browser of this machine, within 10 minutes.',
      ])
    },
  )
}

async function close(client: LocalClient, to: MemberPort | undefined, output: Output): Promise<void> {
  const { browsers, addresses } = await client.closeBrowsers(to ?? {})
  output.result({ browsers, addresses }, () => [
    `Signed out: ${browsers}. Addresses that were not opened yet: ${addresses}.`,
  ])
}
