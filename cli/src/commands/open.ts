import { parsePortOfMember } from '../name-arguments.ts'
import type { MemberPort } from '../ports/local-pipe.ts'
import { onCall, type Register } from './define.ts'

export const registerOpen: Register = (program, finish) => {
  const command = program
    .command('open')
    .description('open a port of a member in a browser of this machine')
    .argument(
      '<port.member>',
      'what the member exposes the port as, and the member: grafana.web-1',
      parsePortOfMember,
    )
    .addHelpText(
      'after',
      `
Prints an address that opens the port once, in one browser, which may then use it for 12 hours. The agent needs a gateway:
agent-mesh up --gateway. See docs/gateway.md.

Examples:
  $ agent-mesh open grafana.web-1
  $ agent-mesh open web-1:grafana --json | jq -r .url

Exit codes: 0 the address is printed, 4 the policy or the owner of the port does not allow it, 6 not reachable, 7 no such member or
port, 8 another process has the port of the gateway on [::1].`,
    )
  onCall<object, [MemberPort]>(command, finish, async ({ settings, output, signal }, to) => {
    const { localClient } = await import('../local/local-client.ts')
    const { url } = await localClient(settings.data, signal).open(to)
    output.result({ url }, () => [
      url,
      'The address opens the port once, in one browser of this machine, within 10 minutes.',
    ])
  })
}
