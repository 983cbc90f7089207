/** What an agent of a test mesh exchanges beside calls: pipes, files, messages of topics. */
import type { Agent } from '../agent/agent.ts'
import { checkTopicName, checkTopicPattern } from '@agent-mesh/protocol'
import { checkExposed } from '../rpc/pipes/exposed-ports.ts'
import { topicName } from '../topics/contract.ts'
import type { SubscribeOptions } from '../topics/subscribe-options.ts'
import type { MemoryMember } from './memory-member.ts'

/** A part of {@link Agent}. */
export type Exchange = Pick<Agent, 'publish' | 'subscribe' | 'expose' | 'connect' | 'send' | 'receive'>

export abstract class MemoryExchange implements Exchange {
  readonly #member: MemoryMember

  constructor(member: MemoryMember) {
    this.#member = member
  }

  readonly publish: Exchange['publish'] = async (topic, message, options) => {
    const name = topicName(topic, 'publish')
    this.mustRun(`publish to ${name}`)
    checkTopicName(name, `publish to '${name}'`)
    return (await this.#member.topics.get()).publish(topic, message, options)
  }

  readonly subscribe: Exchange['subscribe'] = async (topic, options) => {
    const name = topicName(topic, 'subscribe')
    this.mustRun(`subscribe to ${name}`)
    checkTopicPattern(name, `subscribe to '${name}'`)
    const topics = await this.#member.topics.get()
    const subscription = topics.subscribe(topic, options as SubscribeOptions | undefined)
    await subscription.ready
    return subscription as never
  }

  readonly expose: Exchange['expose'] = port => {
    checkExposed(port)
    this.mustRun(`expose ${port.name}`)
    return this.#member.piping.served.expose(port)
  }

  readonly connect: Exchange['connect'] = async (peer, port, options = {}) => {
    this.mustRun(`connect to port ${port} of ${peer}`)
    return this.#member.piping.pipes.connect(peer, port, options)
  }

  readonly send: Exchange['send'] = async (peer, from, options) => {
    this.mustRun(`send to ${peer}`)
    const { pipes, transfers } = this.#member.piping
    return transfers.offer(pipes.find(peer, `send to ${peer}`), from, options)
  }

  readonly receive: Exchange['receive'] = (offer, options = {}) => {
    this.mustRun('receive')
    return this.#member.piping.pipes.receive(offer, options)
  }

  protected abstract mustRun(action: string): void
}
