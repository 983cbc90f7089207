import { onCall, type Register } from './define.ts'

export const registerServices: Register = (program, finish) => {
  const command = program
    .command('services')
    .description('list services, their providers and methods')
    .addHelpText('after', '\nExample:\n  $ agent-mesh services')
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const services = await localClient(settings.data, signal).services()
    output.result({ services }, () =>
      output.table(
        ['SERVICE', 'ONLINE', 'PROVIDERS'],
        services.map(({ service, providers }) => [
          service,
          `${providers.filter(({ online }) => online).length}/${providers.length}`,
          providers.map(({ name, online }) => (online ? name : output.style('dim', name))).join(' '),
        ]),
      ),
    )
  })
}
