/** Views of a member and of the others, in the shapes of the local API. */
import { version, type LocalPeer, type LocalService, type LocalStatus } from '@agent-mesh/protocol'
import type { Belief } from '../membership/belief.ts'
import type { MapMember } from '../membership/member-index.ts'
import type { Member } from './member.ts'
import type { RoundTrips } from './round-trips.ts'
import { healthView, loadView } from './health-view.ts'
import { memberWarnings } from './warnings.ts'

/** What is known of the others. */
interface Knowing {
  belief: Belief
  roundTrips: Pick<RoundTrips, 'estimate'>
}

/** A member as the map describes it, and whether it is online. @param now unix ms */
export function peerView(peer: MapMember, { belief, roundTrips }: Knowing, now: number): LocalPeer {
  const seenAt = lastSeen(peer, belief, now)
  const link = belief.link(peer.peerId)
  const estimated = link?.rttMs === undefined ? roundTrips.estimate(peer.peerId) : undefined
  return {
    peerId: peer.peerId,
    name: peer.name,
    kind: peer.credential.roles.includes('relay') ? 'relay' : 'agent',
    ...belief.of(peer.peerId),
    services: peer.record.services,
    ...(seenAt === undefined ? {} : { lastSeen: seenAt }),
    ...(link === undefined ? {} : { path: link.path }),
    ...(link?.rttMs === undefined ? {} : { rttMs: link.rttMs }),
    ...(estimated === undefined ? {} : { estimatedRttMs: estimated }),
    ...(peer.credential.region === undefined ? {} : { region: peer.credential.region }),
  }
}

/** Records count from this time on, unix ms (2001): less is a count of changes, no time. */
const firstTime = 1e12

/**
 * When a member that is offline was last online, unix ms: as far as this process saw, else when it published its record. Of a member
 * that is online undefined.
 */
export function lastSeen(
  { peerId, record: { incarnation } }: MapMember,
  belief: Pick<Belief, 'isOnline' | 'offlineFor'>,
  now: number,
): number | undefined {
  if (belief.isOnline(peerId)) return undefined
  const ago = belief.offlineFor(peerId)
  if (ago !== undefined) return Math.round(now - ago)
  return incarnation >= firstTime && incarnation <= now ? incarnation : undefined
}

/** All other members of the map. */
export const peerViews = ({ map, identity, belief, roundTrips, clock }: Member): LocalPeer[] =>
  map
    .members()
    .filter(({ peerId }) => peerId !== identity.peerId)
    .map(peer => peerView(peer, { belief, roundTrips }, clock.now()))
    .sort((a, b) => (a.name < b.name ? -1 : 1))

/** Who serves what, the own services included. */
export function serviceViews(member: Member): LocalService[] {
  const providers = new Map<string, LocalService['providers']>()
  const add = (service: string, provider: LocalService['providers'][number]) => {
    const known = providers.get(service)
    if (known === undefined) providers.set(service, [provider])
    else known.push(provider)
  }
  const own = { peerId: member.identity.peerId, name: member.credential.claims.name, online: true }
  for (const service of member.serving.registry.refs) add(service, own)
  for (const { peerId, name, online, services } of peerViews(member))
    for (const service of services) add(service, { peerId, name, online })
  return [...providers]
    .map(([service, list]) => ({ service, providers: list }))
    .sort((a, b) => (a.service < b.service ? -1 : 1))
}

export interface StatusInit {
  member: Member
  kind: 'agent' | 'relay'
  /** Milliseconds of the monotonic clock: that of the day may have been set since. */
  startedAt: number
  relays: LocalStatus['relays']
  warnings: readonly string[]
}

export function statusView({ member, kind, startedAt, relays, warnings }: StatusInit): LocalStatus {
  const { identity, credential, controlPlane, publisher, transport, serving, map, clock } = member
  const { revocations } = member
  const links = transport.links.all().filter(({ state }) => state !== 'down')
  const count = (path: string) => links.filter(link => link.path === path).length
  const peers = peerViews(member)
  const { region } = credential.claims
  const observed = transport.observed()
  return {
    kind,
    version,
    pid: process.pid,
    startedAt: Math.max(0, clock.now() - (clock.monotonic() - startedAt)),
    meshId: controlPlane.meshId,
    peerId: identity.peerId,
    name: credential.claims.name,
    ...(region === undefined ? {} : { region }),
    revoked: revocations.own,
    ...(revocations.ownEnd === undefined ? {} : { ended: revocations.ownEnd.how }),
    ...healthView(member.health, clock.now()),
    load: loadView(member),
    warnings: memberWarnings(member, warnings),
    controlPlane: { url: controlPlane.url, ...reachableView(member) },
    relays,
    addrs: publisher.record.addrs,
    services: serving.registry.refs,
    members: { known: map.size, online: peers.filter(({ online }) => online).length + 1 },
    links: { direct: count('direct'), webrtc: count('webrtc'), relay: count('relay') },
    ...(observed === undefined ? {} : { observed: { mapping: observed.mapping, addrs: observed.addrs } }),
    credentialExpires: credential.claims.exp * 1000,
  }
}

/** By what asked it last, be it for the map, a head, a credential or a publication. */
function reachableView({ client, clock, publisher }: Member) {
  const { answers = publisher.answered, since = undefined } = client.reachable ?? {}
  if (answers)
    return {
      reachable: true,
      ...(publisher.answered && publisher.refusal ? { refused: publisher.refusal.code } : {}),
    }
  const ago = since === undefined ? undefined : clock.monotonic() - since
  return {
    reachable: false,
    ...(ago === undefined ? {} : { unreachableSince: Math.max(0, clock.now() - ago) }),
  }
}
