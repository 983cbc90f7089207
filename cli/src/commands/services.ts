import { onCall, type Register } from './define.ts'

export const registerServices: Register = (program, finish) => {
  const command = program
    .command('services')
    .description('list services, their providers and methods')
    .addHelpText(
      'after',
      `
METHODS lists the methods that this member may call, as a provider describes them. It is - when no provider answered
within 3 s.

Examples:
  $ agent-mesh services
  $ agent-mesh services --json | jq '.services[] | {service, methods}'`,
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const [{ localClient }, { methodsByService }] = await Promise.all([
      import('../local/local-client.ts'),
      import('../local/described-services.ts'),
    ])
    const client = localClient(settings.data, signal)
    const known = await client.services()
    const methods = await methodsByService(client, known)
    const services = known.map(each => ({ ...each, methods: methods.get(each.service) }))
    output.result({ services }, () =>
      output.table(
        ['SERVICE', 'ONLINE', 'METHODS', 'PROVIDERS'],
        services.map(service => [
          service.service,
          `${service.providers.filter(({ online }) => online).length}/${service.providers.length}`,
          service.methods?.join(' ') ?? '-',
          service.providers.map(({ name, online }) => (online ? name : output.style('dim', name))).join(' '),
        ]),
      ),
    )
  })
}
