/** The events of an agent of a test mesh, by the code of real agents; without paths and relays, `path` and `ready` never come. */
import type { MapMember } from '../membership/member-index.ts'
import { EventListeners, type AgentEvents } from '../agent/events/agent-events.ts'
import { memberChanges, serviceChanges, type OnlineSources } from '../agent/events/online-changes.ts'
import type { Listeners } from '../core/listeners.ts'
import type { KnownMember, SharedKnowledge } from './memory-targets.ts'

export interface MemoryEventsInit {
  readonly self: KnownMember
  readonly known: SharedKnowledge
  readonly breakers: Pick<Listeners<AgentEvents['breaker']>, 'add'>
  /** A listener of the program threw this. */
  readonly onFailure: (event: string, thrown: unknown) => void
}

export function memoryEvents({ self, known, breakers, onFailure }: MemoryEventsInit): EventListeners {
  const sources: OnlineSources = {
    self: self.peerId,
    map: {
      members: () => [...known.members.values()].map(listed),
      onChange: listener => known.changed.add(() => listener([])),
      onForget: () => nothing,
    },
    belief: {
      isOnline: peerId => known.members.get(peerId)?.online === true,
      onChange: listener => known.changed.add(() => listener(undefined)),
    },
    links: { best: nothing },
    registry: self.registry,
  }
  return new EventListeners({
    watches: {
      member: emit => memberChanges(sources, emit),
      service: emit => serviceChanges(sources, emit),
      breaker: emit => breakers.add(emit),
      path: () => nothing,
      ready: () => nothing,
    },
    log: {
      error: ({ err, listener }: { err: unknown; listener: string }) => onFailure(listener, err),
    } as never,
  })
}

const nothing = (): undefined => undefined

const listed = ({ peerId, name, registry }: KnownMember): MapMember =>
  ({ peerId, name, record: { services: registry.refs } }) as unknown as MapMember
