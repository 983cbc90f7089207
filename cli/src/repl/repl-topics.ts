/** Topics at the prompt, through the running agent. */
import type { LocalTopicMessage } from '@agent-mesh/protocol/local-topics'
import { valueOfLocal } from '@agent-mesh/protocol/local-value'

import type { LocalClient } from '../local/local-client.ts'
import { ReplStream, type LocalMessages } from './repl-stream.ts'
import { soundValue } from './sound-value.ts'

interface ReplPublishOptions {
  retain?: boolean
  acks?: number
  timeout?: number
}

interface ReplSubscribeOptions {
  group?: string
  retained?: boolean
}

/** @param client its requests end with Ctrl-C */
export const replTopics = (client: () => LocalClient) => ({
  /** @returns how many subscriptions took it: 0 without `acks` @throws MeshError */
  publish: async (topic: string, message: unknown, options: object = {}): Promise<number> => {
    const { timeout: timeoutMs, ...others } = options as ReplPublishOptions
    const value = soundValue(message, 'message')
    const { acks } = await client().publish({
      ...{ topic, ...value, ...others },
      ...(timeoutMs !== undefined && { timeoutMs }),
    })
    return acks
  },
  /** Messages until its loop is left, or Ctrl-C. */
  subscribe: (topic: string, options: object = {}): ReplStream =>
    new ReplStream(messagesOf(client(), { topic, ...(options as ReplSubscribeOptions) })),
})

async function* messagesOf(
  client: LocalClient,
  request: ReplSubscribeOptions & { topic: string },
): LocalMessages {
  for await (const line of client.subscribe(request)) {
    if (!('topic' in line)) continue
    const { value, bytes, topic, from, retained, lost } = line as LocalTopicMessage
    const message = { topic, from: from.name, value: valueOfLocal({ value, bytes }) }
    yield { value: { ...message, ...(retained && { retained }), ...(lost > 0 && { lost }) } }
  }
  return { ms: 0 }
}
