import type { Member } from '../../member/member.ts'
import type { Reachable } from '../reachable.ts'
import type { EventWatches } from './agent-events.ts'
import { pathChanges, relayChanges } from './link-changes.ts'
import { memberChanges, serviceChanges } from './online-changes.ts'

/** The events of an agent, from what its parts emit. */
export function eventWatches(
  { identity, map, belief, serving, transport }: Member,
  reachable: Reachable,
): EventWatches {
  const { links } = transport
  const sources = { self: identity.peerId, map, belief, links, registry: serving.registry }
  return {
    member: emit => memberChanges(sources, emit),
    service: emit => serviceChanges(sources, emit),
    path: emit => pathChanges(links, emit),
    ready: emit => relayChanges({ links, reachable }, emit),
  }
}
