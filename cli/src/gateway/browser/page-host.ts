/** Addresses under which browsers reach ports of members: `http://grafana.web-1.mesh.localhost:8441/`. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { fieldForms } from '@agent-mesh/protocol/field-forms'

import type { MemberPort } from '../../ports/local-pipe.ts'
import { memberPortAt } from '../proxy/mesh-host.ts'

/** Whether a `Host` means such an address, also one that is refused. */
export const isPageHost = (host: string | undefined): boolean =>
  /\.mesh\.localhost\.?(?::\d*)?$/i.test(host ?? '')

/** @param gatewayPort of the gateway, empty for 80 */
const endingOf = (gatewayPort: string): string =>
  `.mesh.localhost${gatewayPort === '' ? '' : `:${gatewayPort}`}`

/** @throws MeshError permission_denied for the port of another server; as {@link memberPortAt} */
export function pagePort(host: string, gatewayPort: string): MemberPort {
  const ending = endingOf(gatewayPort)
  const words = host.slice(0, -ending.length)
  // Only as browsers write it: another spelling would be another origin with other cookies.
  if (!host.endsWith(ending) || !/^[a-z0-9._-]+\.[a-z0-9-]+$/.test(words))
    throw new MeshError(
      'permission_denied',
      `Cannot serve the request: its host is '${host.slice(0, 300)}'`,
      {
        notStarted: true,
        hint: `Write http://PORT.MEMBER${ending}/.`,
      },
    )
  return memberPortAt(`${words}.mesh`, 0)
}

/** The `Host` of a port. @throws MeshError invalid_argument for a member that is not named */
export function pageHost({ peer, port }: MemberPort, gatewayPort: string): string {
  if (fieldForms.name.pattern.test(peer)) return `${port}.${peer}${endingOf(gatewayPort)}`
  throw new MeshError('invalid_argument', `Cannot open ${port} of ${peer}: addresses have names of members`, {
    hint: 'List the names with "agent-mesh peers".',
  })
}
