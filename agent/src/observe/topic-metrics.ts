/** Prometheus metrics of the topics that a member publishes and subscribes to. */
import { Counter, type Registry } from 'prom-client'

type TopicEvent = 'published' | 'delivered' | 'lost' | 'forged' | 'denied' | 'replayed' | 'unfit'

/** @returns counts messages, by what happened to them */
export function observeTopics(registry: Registry): (event: TopicEvent, count: number) => void {
  const messages = new Counter({
    name: 'agent_mesh_topic_messages_total',
    help: 'Messages of topics: published here, delivered to subscriptions here, lost as a subscriber was slow, or refused as forged, denied by the policy, replayed, or unfit for the contract',
    labelNames: ['event'],
    registers: [registry],
  })
  return (event, count) => messages.inc({ event }, count)
}
