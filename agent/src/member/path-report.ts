/** How this member reaches another: its links, what was tried, and what the search for a better path says. */
import { MeshError, type PathReport } from '@agent-mesh/protocol'
import { relayIn } from '../transport/dial/path-history.ts'
import type { Link } from '../transport/links/link.ts'
import type { Member } from './member-parts.ts'

type Needs = Pick<Member, 'identity' | 'map' | 'transport' | 'serving'>

/** @throws MeshError not_found; invalid_argument for this member itself */
export function pathReport({ identity, map, transport, serving }: Needs, member: string): PathReport {
  const known = map.find(member)
  const linked = transport.links.of(member).length > 0
  const to = known?.peerId ?? (linked ? member : undefined)
  if (to === undefined)
    throw new MeshError(
      'not_found',
      `Cannot show the path to ${member}: no member has this name or peer id`,
      {
        hint: 'List the members with "agent-mesh peers".',
      },
    )
  if (to === identity.peerId) throw pathToItself(member)
  const path = transport.links.best(to)?.path
  const upgrade = transport.upgrader?.state(to)
  return {
    from: identity.peerId,
    to,
    ...(known === undefined ? {} : { toName: known.name }),
    ...(path === undefined ? {} : { path }),
    links: transport.links.of(to).map(link => linkView(link, { identity, map, serving })),
    tried: transport.history.of(to).map(tried => ({ ...tried, ...relayName(map, relayIn(tried.name)) })),
    ...(upgrade === undefined
      ? {}
      : {
          upgrade: {
            attempts: upgrade.attempts,
            ...(upgrade.last === undefined ? {} : { result: upgrade.last.result }),
            ...(upgrade.last?.reason === undefined ? {} : { reason: upgrade.last.reason }),
          },
        }),
  }
}

export const pathToItself = (member: string): MeshError =>
  new MeshError('invalid_argument', `Cannot show the path to ${member}: that is this member`)

function linkView(
  link: Link,
  { identity, map, serving }: Pick<Needs, 'identity' | 'map' | 'serving'>,
): PathReport['links'][number] {
  const { bytesSent, bytesReceived } = serving.sessions.of(link).stats
  return {
    path: link.path,
    state: link.state === 'retiring' ? 'retiring' : link.suspect ? 'suspect' : 'up',
    ...(link.relayId === undefined ? {} : { relay: link.relayId }),
    ...relayName(map, link.relayId),
    remoteAddr: link.remoteAddr,
    dialledBy: link.dialler === identity.peerId ? 'us' : 'them',
    ageMs: Math.max(0, performance.now() - link.openedAt),
    ...(link.rttMs === undefined ? {} : { rttMs: link.rttMs }),
    bytesSent,
    bytesReceived,
  }
}

function relayName(map: Needs['map'], relayId: string | undefined): { relayName?: string } {
  const known = relayId === undefined ? undefined : map.get(relayId)
  return known === undefined ? {} : { relayName: known.name }
}
