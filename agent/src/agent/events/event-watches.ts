import type { AgentInit } from '../agent-caller.ts'
import type { EventWatches } from './agent-events.ts'
import { pathChanges, relayChanges } from './link-changes.ts'
import { memberChanges, serviceChanges } from './online-changes.ts'

/** The events of an agent, from what its parts emit. */
export function eventWatches({
  member,
  reachable,
  balanced,
}: Pick<AgentInit<never>, 'member' | 'reachable' | 'balanced'>): EventWatches {
  const { identity, map, belief, serving, transport } = member
  const { links } = transport
  const sources = { self: identity.peerId, map, belief, links, registry: serving.registry }
  return {
    member: emit => memberChanges(sources, emit),
    service: emit => serviceChanges(sources, emit),
    path: emit => pathChanges(links, emit),
    breaker: emit => balanced.breakers.add(emit),
    ready: emit => relayChanges({ links, reachable }, emit),
  }
}
