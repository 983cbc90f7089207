import { hostPort } from '@agent-mesh/protocol/host-port'

import { parsePortName } from '../name-arguments.ts'
import { onCall, type Register } from './define.ts'

export const registerExposed: Register = (program, finish) => {
  const command = program
    .command('exposed')
    .description('list the ports that this machine exposes')
    .addHelpText('after', '\nExamples:\n  $ agent-mesh exposed --json | jq .ports[].name')
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const ports = await localClient(settings.data, signal).ports()
    output.result({ ports }, () =>
      ports.length === 0
        ? ['No port is exposed.']
        : [
            output.table(
              ['NAME', 'TARGET', 'KIND', 'ALLOW'],
              ports.map(({ name, host, port, kind, allow }) => [
                name,
                hostPort({ host, port }),
                kind,
                allow?.join(' ') ?? 'as the policy says',
              ]),
            ),
          ],
    )
  })
}

export const registerUnexpose: Register = (program, finish) => {
  const command = program
    .command('unexpose')
    .description('withdraw a port; connections that are open stay')
    .argument('<name>', 'what it is exposed as', parsePortName)
    .addHelpText('after', '\nExamples:\n  $ agent-mesh unexpose ssh')
  onCall<object, [string]>(command, finish, async ({ settings, output, signal }, name) => {
    const { localClient } = await import('../local/local-client.ts')
    await localClient(settings.data, signal).unexpose(name)
    output.result({ name }, () => [`${name} is no longer exposed.`])
  })
}
