/** What a member tells of itself and of the others: the shapes of the local API. */
import {
  limits,
  version,
  type MeshError,
  type LocalPeer,
  type LocalService,
  type LocalStatus,
} from '@agent-mesh/protocol'
import type { Belief } from '../membership/belief.ts'
import type { MapMember } from '../membership/member-index.ts'
import { defaults } from './defaults.ts'
import type { Member } from './member.ts'

/** A member as the map describes it, and whether it is online. */
export function peerView(peer: MapMember, belief: Belief): LocalPeer {
  const link = belief.link(peer.peerId)
  return {
    peerId: peer.peerId,
    name: peer.name,
    kind: peer.credential.roles.includes('relay') ? 'relay' : 'agent',
    ...belief.of(peer.peerId),
    services: peer.record.services,
    ...(link === undefined ? {} : { path: link.path }),
    ...(link?.rttMs === undefined ? {} : { rttMs: link.rttMs }),
    ...(peer.credential.region === undefined ? {} : { region: peer.credential.region }),
  }
}

/** Everybody else in the map. */
export const peerViews = ({ map, identity, belief }: Member): LocalPeer[] =>
  map
    .members()
    .filter(({ peerId }) => peerId !== identity.peerId)
    .map(peer => peerView(peer, belief))
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
  /** Unix milliseconds. */
  startedAt: number
  relays: LocalStatus['relays']
  warnings: readonly string[]
}

export function statusView({ member, kind, startedAt, relays, warnings }: StatusInit): LocalStatus {
  const { identity, credential, controlPlane, publisher, transport, serving, map, head, clock, client } =
    member
  const { revocations, audit } = member
  const links = transport.links.all().filter(({ state }) => state !== 'down')
  const count = (path: string) => links.filter(link => link.path === path).length
  const peers = peerViews(member)
  const all = [
    ...warnings,
    ...commonWarnings(credential.claims.exp * 1000, head.current.issuedAt, clock.now()),
  ]
  all.push(...member.clones.warnings)
  if (credential.void) all.push('an authority key was revoked: nobody admits this member until it is renewed')
  if (Math.abs(client.clockOffset) > limits.clockSkewMs) all.push(clockWarning(client.clockOffset))
  if (audit.warning !== undefined) all.push(audit.warning)
  if (revocations.own) all.unshift(revokedWarning(revocations.ownAt))
  if (!publisher.published && !revocations.own) all.push(unpublishedWarning(publisher.refusal))
  const { region } = credential.claims
  const observed = transport.observed()
  return {
    kind,
    version,
    pid: process.pid,
    startedAt,
    meshId: controlPlane.meshId,
    peerId: identity.peerId,
    name: credential.claims.name,
    ...(region === undefined ? {} : { region }),
    revoked: revocations.own,
    ready: !revocations.own && credential.claims.exp * 1000 > clock.now() && !credential.void,
    warnings: all,
    controlPlane: {
      url: controlPlane.url,
      reachable: publisher.answered,
      ...(publisher.answered && publisher.refusal ? { refused: publisher.refusal.code } : {}),
    },
    relays,
    addrs: publisher.record.addrs,
    services: serving.registry.refs,
    members: { known: map.size, online: peers.filter(({ online }) => online).length + 1 },
    links: { direct: count('direct'), webrtc: count('webrtc'), relay: count('relay') },
    ...(observed === undefined ? {} : { observed: { mapping: observed.mapping, addrs: observed.addrs } }),
    credentialExpires: credential.claims.exp * 1000,
  }
}

/** @param offset time of the control plane minus that of this machine, ms */
const clockWarning = (offset: number): string =>
  `the clock of this machine is ${Math.round(Math.abs(offset) / 1000)} s ${offset < 0 ? 'ahead of' : 'behind'} that of the control plane`

function unpublishedWarning(refusal: MeshError | undefined): string {
  const { message = '', hint } = refusal?.told === true ? refusal : {}
  const why = message === '' ? '' : `: ${message}${hint === undefined ? '' : ` (${hint})`}`
  return `the control plane has not yet taken the newest member record${why}`
}

function revokedWarning(at: number | undefined): string {
  const when = at === undefined ? '' : ` at ${new Date(at).toISOString()}`
  return `this member was revoked${when}: nobody talks to it; join anew from an empty data folder, with a new key`
}

function commonWarnings(expires: number, headIssuedAt: number, now: number): string[] {
  const warnings: string[] = []
  if (expires <= now) warnings.push(`the credential expired at ${new Date(expires).toISOString()}`)
  if (now - headIssuedAt > defaults.oldHeadMs)
    warnings.push('the head is older than a day: policy and revocations may be newer')
  return warnings
}
