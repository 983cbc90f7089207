import { MeshError, parse, topicGroupField } from '@agent-mesh/protocol'
import { topicDefaults } from './defaults.ts'
import type { TopicMessage } from './subscription.ts'

export interface SubscribeOptions<Message = unknown> {
  /** Each message goes to one of the members that name the same group. @default none */
  group?: string
  /** Messages that wait for the reader, a count; one more drops the oldest. @default 1,000 */
  buffer?: number
  /** Whether the last value of topics that retain it comes first; not in a group. @default true */
  retained?: boolean
  /** Takes the messages, one after the other. What it throws is logged. @default the subscription is iterated */
  onMessage?: (message: TopicMessage<Message>) => void | Promise<void>
  /** Ends the subscription. */
  signal?: AbortSignal
}

export interface PublishOptions {
  /** Keeps it for members that subscribe later. @default as the contract says */
  retain?: boolean
  /** Waits for so many subscriptions to take the message, a count. @default 0 */
  acks?: number
  /** ms for these acknowledgements. @default 5,000 */
  timeout?: number
}

/** What was published. */
export interface Published {
  /** Subscriptions that took the message, as their hubs say; 0 without `acks`. */
  readonly acks: number
}

/** @throws MeshError invalid_argument */
export function checkSubscribeOptions({ group, buffer }: SubscribeOptions<never>, pattern: string): void {
  const action = `subscribe to ${pattern}`
  if (group !== undefined) parse(topicGroupField, group, action)
  const { mostBuffer } = topicDefaults
  if (buffer === undefined || (Number.isInteger(buffer) && buffer >= 1 && buffer <= mostBuffer)) return
  throw new MeshError('invalid_argument', `Cannot ${action}: its buffer is ${buffer}, not 1 to ${mostBuffer}`)
}
