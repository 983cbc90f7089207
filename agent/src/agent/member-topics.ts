/** The topics of an agent, over its links. */
import { topicProtocol, type Subject } from '@agent-mesh/protocol'
import { atMost } from '../core/at-most.ts'
import type { Member } from '../member/member.ts'
import { observeTopics } from '../observe/topic-metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { LazyTopics } from '../topics/lazy-topics.ts'
import type { TopicNetwork } from '../topics/topic-network.ts'
import type { Reachable } from './reachable.ts'
import type { Targets } from './targets.ts'

/** Serves agents that subscribe here, from now on. */
export async function memberTopics(
  member: Member,
  reachable: Reachable,
  targets: Targets,
  tracing: Tracing | undefined,
): Promise<LazyTopics> {
  const { identity, controlPlane, credential, serving, clock, log, metrics, transport } = member
  const onEvent = observeTopics(metrics.registry)
  const topics = new LazyTopics(() => ({
    mesh: controlPlane.meshId,
    self: identity.peerId,
    signer: identity.signer,
    network: networkOf(member, reachable, targets),
    subject: () => credential.claims,
    subjectOf: peerId => subjectOf(member, peerId),
    untilKnown: (peerId, ms) => untilKnown(member, peerId, ms),
    authorize: serving.authorize,
    allows: serving.allows,
    now: () => clock.now(),
    ...{ onEvent, log, tracing },
  }))
  await transport.handle(topicProtocol, (stream, { peer }) => topics.serve(stream, peer))
  return topics
}

/** A credential from a link, else from the map; revoked members are in neither. */
function subjectOf({ transport, map }: Member, peerId: string): Subject | undefined {
  return transport.links.best(peerId)?.peer.credential ?? map.get(peerId)?.credential
}

async function untilKnown({ map }: Member, peerId: string, ms: number): Promise<void> {
  const known = Promise.withResolvers<void>()
  const stop = map.onChange(changes => {
    if (changes.some(change => change.peerId === peerId)) known.resolve()
  })
  await atMost(ms, known.promise).finally(stop)
}

function networkOf(
  { head, map, belief, identity, transport }: Member,
  reachable: Reachable,
  targets: Targets,
): TopicNetwork {
  const isAgent = ({ peerId, credential: { roles } }: { peerId: string; credential: Subject }): boolean =>
    peerId !== identity.peerId && roles.includes('agent')
  return {
    relays: () => reachable.linkedRelays(),
    hasRelays: () => head.current.relays.length > 0,
    agents: () =>
      map
        .members()
        .filter(member => isAgent(member) && belief.isOnline(member.peerId))
        .map(({ peerId }) => peerId),
    linked: peerId => transport.links.best(peerId),
    link: (peerId, signal) => targets.link(peerId, { signal }),
    onChange: listener => {
      const { links } = transport
      const stops = [
        links.onUp(listener),
        links.onDown(listener),
        links.onDoubt(listener),
        links.onLeaving(listener),
        belief.onChange(listener),
        reachable.relays.onChange(listener),
      ]
      return () => stops.forEach(stop => stop())
    },
  }
}
