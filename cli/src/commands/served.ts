import { parseService } from '../name-arguments.ts'
import { onCall, type Register } from './define.ts'

export const registerServed: Register = (program, finish) => {
  const command = program
    .command('served')
    .description('list the programs that this machine serves over HTTP')
    .addHelpText('after', '\nExamples:\n  $ agent-mesh served --json | jq .programs[].service')
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const programs = await localClient(settings.data, signal).served()
    output.result({ programs }, () =>
      programs.length === 0
        ? ['No program is served.']
        : [
            output.table(
              ['SERVICE', 'PROGRAM', 'METHODS'],
              programs.map(({ service, url, methods }) => [
                service,
                url,
                methods.map(({ name }) => name).join(' '),
              ]),
            ),
          ],
    )
  })
}

export const registerUnserve: Register = (program, finish) => {
  const command = program
    .command('unserve')
    .description('withdraw the service of a program; calls that run are not stopped')
    .argument('<service>', 'name, or name@version', parseService)
    .addHelpText('after', '\nExamples:\n  $ agent-mesh unserve math')
  onCall<object, [string]>(command, finish, async ({ settings, output, signal }, named) => {
    const { localClient } = await import('../local/local-client.ts')
    const service = named.includes('@') ? named : `${named}@1`
    await localClient(settings.data, signal).unserve(service)
    output.result({ service }, () => [`${service} is no longer served.`])
  })
}
