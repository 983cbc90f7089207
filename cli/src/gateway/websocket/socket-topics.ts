/** What a program publishes over its WebSocket, and its subscriptions. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { localValue, valueOfLocal } from '@agent-mesh/protocol/local-value'

import { topicMessage } from '../topic-message.ts'
import { gatewayDefaults } from '../defaults.ts'
import type { SaidOf } from './messages.ts'
import type { SocketParts, SocketTasks } from './socket-tasks.ts'

export class SocketTopics {
  readonly #parts: SocketParts
  readonly #tasks: SocketTasks

  constructor(parts: SocketParts, tasks: SocketTasks) {
    this.#parts = parts
    this.#tasks = tasks
  }

  publish({ id, publish: topic, value, bytes, timeoutMs: timeout, ...asked }: SaidOf<'publish'>): void {
    this.#tasks.start({
      ...{ id, action: 'publish', to: `topic:${topic}` },
      run: async () => {
        const message = valueOfLocal({ value, bytes })
        if (message === undefined)
          throw new MeshError('invalid_argument', `Cannot publish to ${topic}: the message has no value`)
        const { retain, acks } = asked
        const options = {
          ...(retain !== undefined && { retain }),
          ...(acks !== undefined && { acks }),
          ...(timeout !== undefined && { timeout }),
        }
        return localValue(await this.#parts.agent.publish(topic, message, options))
      },
    })
  }

  /** Until the program cancels it. One that does not read loses messages. */
  subscribe({ id, subscribe: topic, group, retained }: SaidOf<'subscribe'>): void {
    const { agent, send, running } = this.#parts
    this.#tasks.start({
      ...{ id, action: 'subscribe', to: `topic:${topic}` },
      run: async signal => {
        const ended = running()
        try {
          const subscription = await agent.subscribe(topic, {
            ...(group !== undefined && { group }),
            ...(retained !== undefined && { retained }),
            buffer: gatewayDefaults.waitingMessages,
            signal,
          })
          await send({ id, subscribed: topic })
          for await (const message of subscription) await send({ id, message: topicMessage(message) })
          return {}
        } finally {
          ended()
        }
      },
    })
  }
}
