/** Which members came online or went offline, and how many serve each service. */
import type { Member } from '../../member/member.ts'
import type { Belief } from '../../membership/belief.ts'
import type { MapMember } from '../../membership/member-index.ts'
import type { MeshMap } from '../../membership/mesh-map.ts'
import type { LinkTable } from '../../transport/links/link-table.ts'
import { agentDefaults } from '../defaults.ts'
import { Soon } from './soon.ts'

/** A member came online, or went offline, or has another name. */
export interface MemberEvent {
  readonly peerId: string
  readonly name: string
  readonly online: boolean
}

/** The number of members that serve a service and are believed online has changed. */
export interface ServiceEvent {
  /** `math@2` */
  readonly service: string
  /** This agent included; 0: none any more. */
  readonly providers: number
}

export interface OnlineSources {
  /** Own peer id. */
  readonly self: string
  readonly map: Pick<MeshMap, 'members' | 'onChange' | 'onForget'>
  readonly belief: Pick<Belief, 'isOnline' | 'onChange'>
  readonly links: Pick<LinkTable, 'best'>
  readonly registry: Pick<Member['serving']['registry'], 'refs' | 'onChange'>
}

/** Emits changes from now on. @returns how to stop */
export function memberChanges(sources: OnlineSources, emit: (event: MemberEvent) => void): () => void {
  const names = () => new Map(onlineMembers(sources).map(({ peerId, name }) => [peerId, name]))
  let told = names()
  return whenChanged(sources, () => {
    const [before, now] = [told, names()]
    told = now
    for (const [peerId, name] of before) if (!now.has(peerId)) emit({ peerId, name, online: false })
    for (const [peerId, name] of now) if (before.get(peerId) !== name) emit({ peerId, name, online: true })
  })
}

/** Emits changes from now on. @returns how to stop */
export function serviceChanges(sources: OnlineSources, emit: (event: ServiceEvent) => void): () => void {
  let told = providersOf(sources)
  return whenChanged(sources, () => {
    const [before, now] = [told, providersOf(sources)]
    told = now
    for (const service of before.keys()) if (!now.has(service)) emit({ service, providers: 0 })
    for (const [service, providers] of now)
      if (before.get(service) !== providers) emit({ service, providers })
  })
}

function providersOf(sources: OnlineSources): Map<string, number> {
  const counts = new Map<string, number>()
  const served = [sources.registry.refs, ...onlineMembers(sources).map(({ record }) => record.services)]
  for (const service of served.flat()) counts.set(service, (counts.get(service) ?? 0) + 1)
  return counts
}

const onlineMembers = ({ self, map, belief }: OnlineSources): MapMember[] =>
  map.members().filter(({ peerId }) => peerId !== self && belief.isOnline(peerId))

/** Looks again soon after each change of what is known or believed. @returns how to stop */
function whenChanged(sources: OnlineSources, look: () => void): () => void {
  const { map, belief, registry } = sources
  const soon = new Soon(() => {
    look()
    if (isUnsettled(sources)) soon.requestWithin(agentDefaults.eventRecheckMs)
  })
  const stops = [
    map.onChange(soon.request),
    map.onForget(soon.request),
    belief.onChange(soon.request),
    registry.onChange(soon.request),
  ]
  return () => {
    for (const stop of stops) stop()
    soon.stop()
  }
}

/** A relay reported a linked member offline: a sign of life on that link is believed, and is no event. */
const isUnsettled = ({ self, map, belief, links }: OnlineSources): boolean =>
  map
    .members()
    .some(({ peerId }) => peerId !== self && links.best(peerId) !== undefined && !belief.isOnline(peerId))
