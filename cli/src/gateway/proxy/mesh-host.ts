/** Names of the ports of members, for programs that connect through a proxy. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { fieldForms } from '@agent-mesh/protocol/field-forms'

import type { MemberPort } from '../../ports/local-pipe.ts'

const ending = '.mesh'

/**
 * `ssh.web-1.mesh` is the port ssh of web-1, whatever the number; `web-1.mesh` with the number 8080 is the port 8080.
 * @throws MeshError permission_denied for a host outside of the mesh; not_found for what can be the name of no port
 */
export function memberPortAt(host: string, number: number): MemberPort {
  const name = host.toLowerCase().replace(/\.$/, '')
  const asked = `${host.slice(0, 255)}:${number}`
  if (!name.endsWith(ending))
    throw new MeshError('permission_denied', `Cannot connect to ${asked}: it is outside of the mesh`, {
      notStarted: true,
      hint: 'Only MEMBER.mesh and PORT.MEMBER.mesh are reached through the gateway.',
    })
  const words = name.slice(0, -ending.length)
  const at = words.lastIndexOf('.')
  const found = { peer: words.slice(at + 1), port: at < 0 ? String(number) : words.slice(0, at) }
  if (fieldForms.name.pattern.test(found.peer) && fieldForms.portName.pattern.test(found.port)) return found
  throw new MeshError('not_found', `Cannot connect to ${asked}: no port has such a name`, {
    notStarted: true,
    hint: 'Write MEMBER.mesh, or PORT.MEMBER.mesh like ssh.web-1.mesh.',
  })
}
