/** Topics of a member of a test mesh: the code of real agents where there is no relay, over links in memory. */
import type { Subject } from '@agent-mesh/protocol'
import { atMost } from '../core/at-most.ts'
import { LazyTopics } from '../topics/lazy-topics.ts'
import type { TopicNetwork } from '../topics/topic-network.ts'
import type { MemoryIdentity } from './memory-identity.ts'
import type { LinkedMember, MemoryLinks } from './memory-links.ts'
import type { KnownMember, SharedKnowledge } from './memory-targets.ts'
import type { Serving } from '../member/serving.ts'
import type { VirtualTime } from './virtual-time.ts'

/** The mesh that publications name. */
const meshId = 'a'.repeat(52)

/** 2026-01-01, unix ms: when virtual time begins, as publications tell it. */
const beganAt = Date.UTC(2026, 0, 1)

export interface MemoryTopicsInit extends Pick<Serving, 'authorize' | 'allows'> {
  readonly self: KnownMember
  readonly identity: MemoryIdentity
  readonly known: SharedKnowledge
  readonly links: MemoryLinks
  readonly time: VirtualTime
  /** Members that joined before it: the publications of an agent that starts again follow those of before, also within 1 ms. */
  readonly joined: number
  /** A handler of a subscription failed. */
  readonly onFailure: (topic: string, thrown: unknown) => void
}

export function memoryTopics(init: MemoryTopicsInit): LazyTopics {
  const { self, identity, known, time, joined, authorize, allows, onFailure } = init
  return new LazyTopics(() => ({
    mesh: meshId,
    self: identity.peerId,
    signer: identity.signer,
    network: networkOf(init),
    subject: () => self.subject,
    subjectOf: peerId => known.members.get(peerId)?.subject,
    untilKnown: (peerId, ms) => untilKnown(known, time, peerId, ms),
    ...{ authorize, allows },
    now: () => beganAt + joined + Math.floor(time.now()),
    startTimer: time.startTimer,
    onEvent: () => undefined,
    log: { warn: () => undefined, debug: () => undefined, error: told(onFailure) },
    tracing: undefined,
  }))
}

const told =
  (onFailure: MemoryTopicsInit['onFailure']) =>
  (fields: object): void => {
    const { topic = '', err } = fields as { topic?: string; err?: unknown }
    onFailure(topic, err)
  }

async function untilKnown(
  { members, changed }: SharedKnowledge,
  { startTimer }: VirtualTime,
  peerId: string,
  ms: number,
): Promise<void> {
  const found = Promise.withResolvers<void>()
  const stop = changed.add(() => members.has(peerId) && found.resolve())
  await atMost(ms, found.promise, startTimer).finally(stop)
}

function networkOf({ self, known, links }: MemoryTopicsInit): TopicNetwork {
  const member = (peerId: string): LinkedMember => known.members.get(peerId)!
  const isOther = ({ peerId, online, subject }: KnownMember & { subject: Subject }): boolean =>
    peerId !== self.peerId && online && subject.roles.includes('agent')
  return {
    relays: () => [],
    hasRelays: () => false,
    agents: () => [...known.members.values()].filter(isOther).map(({ peerId }) => peerId),
    linked: peerId => links.standing(self, member(peerId)),
    link: async peerId => links.open(self, member(peerId)),
    onChange: listener => {
      const stops = [known.changed.add(listener), links.changed.add(listener)]
      return () => stops.forEach(stop => stop())
    },
  }
}
