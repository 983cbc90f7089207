/** Which methods services have: asked of members that provide them, as records name services alone. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'
import type { LocalService } from '@agent-mesh/protocol/local-api'

import { commandDefaults } from '../defaults.ts'
import type { LocalClient } from './local-client.ts'

/**
 * The description of one member's services; of `service` alone when that is given.
 * @throws MeshError as a call: permission_denied, unavailable, unsupported by a member of an older version
 */
export async function describedBy(
  client: Pick<LocalClient, 'call'>,
  peer: string,
  service?: string,
  timeoutMs: number = commandDefaults.describeMs,
): Promise<DescribedService[]> {
  const [{ hostService }, { parse }] = await Promise.all([
    import('@agent-mesh/agent/services/contract/host-service'),
    import('@agent-mesh/protocol/parse'),
  ])
  const { value } = await client.call({
    method: 'host.describe',
    ...(service !== undefined && { params: { service } }),
    peer,
    idempotent: true,
    timeoutMs,
  })
  const { result } = hostService.methods.describe
  return parse(result, value, `read what ${peer} says of its services`, 'protocol_error').services
}

/** The newest version of a service among those that are named `math@2`. @param wanted `math`, or `math@2` alone */
export function newest<Service extends { readonly service: string }>(
  services: readonly Service[],
  wanted: string,
): Service | undefined {
  const version = ({ service }: Service) => Number(service.slice(service.lastIndexOf('@') + 1))
  return services
    .filter(({ service }) => service === wanted || nameOf(service) === wanted)
    .sort((a, b) => version(b) - version(a))[0]
}

/** `math` of `math@2`. */
export const nameOf = (ref: string): string => ref.replace(/@\d+$/, '')

/** Methods of a description: those that stream, those that are called, or all. */
export type MethodKind = 'streams' | 'calls'

export interface KnownMethod {
  name: string
  kind: MethodKind
}

/**
 * The methods of each service, by `name@version`: few members are asked, each of all it serves. A service that no member
 * tells of in time is not in the map.
 */
export async function knownMethods(
  client: Pick<LocalClient, 'call'>,
  services: readonly LocalService[],
): Promise<Map<string, KnownMethod[]>> {
  const asked = [...new Set(services.flatMap(({ providers }) => firstOnline(providers) ?? []))]
  const answers = await Promise.all(
    // The member may be older, unreachable, or not let this one ask: its methods stay unknown.
    asked.slice(0, commandDefaults.describingMembers).map(peer => describedBy(client, peer).catch(() => [])),
  )
  return new Map(
    answers.flat().map(({ service, methods }): [string, KnownMethod[]] => [
      service,
      methods.map(({ name, takes, yields }) => ({
        name,
        kind: takes === undefined && yields === undefined ? 'calls' : 'streams',
      })),
    ]),
  )
}

/** The names of {@link knownMethods}, of one kind or of both. */
export async function methodsByService(
  client: Pick<LocalClient, 'call'>,
  services: readonly LocalService[],
  wanted?: MethodKind,
): Promise<Map<string, string[]>> {
  const known = await knownMethods(client, services)
  const namesOf = (methods: readonly KnownMethod[]): string[] =>
    methods.flatMap(({ name, kind }) => (wanted === undefined || wanted === kind ? [name] : []))
  return new Map([...known].map(([service, methods]) => [service, namesOf(methods)]))
}

const firstOnline = (providers: LocalService['providers']): string | undefined =>
  providers.find(({ online }) => online)?.peerId
