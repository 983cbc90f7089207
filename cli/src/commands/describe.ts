import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import type { LocalService } from '@agent-mesh/protocol/local-api'

import { parseServiceOrMethod } from '../name-arguments.ts'
import { describedBy, nameOf, newest } from '../local/described-services.ts'
import type { LocalClient } from '../local/local-client.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { typeText } from '../show/type-text.ts'
import { duration } from '../show/units.ts'
import { onCall, type Register } from './define.ts'

export const registerDescribe: Register = (program, finish) => {
  const command = program
    .command('describe')
    .description('show the methods of a service and what they take')
    .argument(
      '<service>',
      'math, math@2 (default: the newest version), or one method: math.add',
      parseServiceOrMethod,
    )
    .addHelpText(
      'after',
      `
Asks a provider of the service. Types are shown if the schemas of the service can be written as JSON Schema. A table cuts
long types; the description of one method and --json have them whole.

Examples:
  $ agent-mesh describe host
  $ agent-mesh describe host.info
  $ agent-mesh describe host --json | jq '.methods[].name'

Exit codes: 0 described, 4 the policy denies it, 6 no provider is reachable, 7 no member serves it.`,
    )
  onCall<object, [string]>(command, finish, async ({ settings, output, signal }, wanted) => {
    const { localClient } = await import('../local/local-client.ts')
    const client = localClient(settings.data, signal)
    const described = await withProgress(settings, `Asking for ${wanted}`, async () =>
      describe(client, await serviceCalled(client, wanted)),
    )
    output.result(described, () =>
      described.methods.some(({ name }) => wanted.endsWith(`.${name}`))
        ? methodText(described, output)
        : descriptionText(described, output),
    )
  })
}

interface Wanted {
  service: LocalService
  /** Only this one. */
  method?: string
}

interface Description extends DescribedService {
  providers: LocalService['providers']
  /** The provider that answered. */
  toldBy: string
}

/** By `math`, `math@2`, `math.add` or `math@2.add`. @throws MeshError not_found */
async function serviceCalled(client: LocalClient, wanted: string): Promise<Wanted> {
  const services = await client.services()
  const service = newest(services, wanted)
  if (service !== undefined) return { service }
  const dot = wanted.lastIndexOf('.')
  const ofMethod = dot < 0 ? undefined : newest(services, wanted.slice(0, dot))
  if (ofMethod !== undefined) return { service: ofMethod, method: wanted.slice(dot + 1) }
  const { nearestName } = await import('@agent-mesh/protocol/nearest-name')
  const nearest = nearestName(wanted, [...new Set(services.map(each => nameOf(each.service)))])
  throw new MeshError('not_found', `Cannot describe ${wanted}: no known member serves it`, {
    hint:
      nearest === undefined ? 'List the services with "agent-mesh services".' : `Did you mean ${nearest}?`,
  })
}

/** Asks one provider after the other, those online first. @throws MeshError of the last one */
async function describe(client: LocalClient, { service, method }: Wanted): Promise<Description> {
  const ref = service.service
  const providers = [...service.providers].sort((a, b) => Number(b.online) - Number(a.online))
  let failure: unknown
  for (const { peerId, name } of providers.slice(0, 3)) {
    try {
      const told = (await describedBy(client, peerId, ref)).find(each => each.service === ref)
      const methods = told?.methods.filter(each => method === undefined || each.name === method) ?? []
      if (methods.length === 0) throw unknownMethod(ref, method, name)
      return { service: ref, methods, providers: service.providers, toldBy: name }
    } catch (error) {
      failure = error
      if (error instanceof MeshError && error.code === 'not_found') break
    }
  }
  throw toMeshError(failure, 'unavailable', `describe ${ref}`)
}

const unknownMethod = (ref: string, method: string | undefined, member: string): MeshError =>
  new MeshError(
    'not_found',
    `Cannot describe ${ref}: ${member} has no method${method === undefined ? '' : ` '${method}'`} that this member may call`,
  )

/** Types of one method, which has the page for itself. */
const wholeType = 4_000

/** Of one method. */
function methodText(described: Description, output: Output): Text {
  const pages = described.methods.map(method =>
    output.table(
      ['', ''],
      [
        ['method', `${nameOf(described.service)}.${method.name}`],
        ['about', method.about ?? '-'],
        ['params', typeText(method.params, wholeType)],
        ['result', typeText(method.result, wholeType)],
        ...(['takes', 'yields'] as const).flatMap(part =>
          method[part] === undefined ? [] : [[part, typeText(method[part], wholeType)]],
        ),
        ...Object.entries(method.errors ?? {}).map(([name, details]) => [
          `error ${name}`,
          typeText(details, wholeType),
        ]),
        ['effects', method.effects ?? '-'],
        ['idempotent', method.idempotent === true ? 'yes' : 'no'],
        ['timeout', method.timeoutMs === undefined ? '-' : duration(method.timeoutMs)],
      ],
    ),
  )
  return [headText(described), '', ...pages]
}

const headText = ({ service, providers, toldBy }: Description): string => {
  const online = providers.filter(each => each.online).length
  return `${service}: ${online} of ${providers.length} providers online, described by ${toldBy}`
}

function descriptionText(described: Description, output: Output): Text {
  const { service, methods } = described
  const table = output.table(
    ['METHOD', 'PARAMS', 'RESULT', 'IDEMPOTENT', 'TIMEOUT', 'ABOUT'],
    methods.map(({ name, params, result, idempotent, timeoutMs, about }) => [
      `${nameOf(service)}.${name}`,
      typeText(params),
      typeText(result),
      idempotent === true ? 'yes' : 'no',
      timeoutMs === undefined ? '-' : duration(timeoutMs),
      about ?? '-',
    ]),
  )
  return [headText(described), '', table]
}
