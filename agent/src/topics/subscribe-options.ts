import { parse, topicGroupField } from '@agent-mesh/protocol'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { checkSignal } from '../core/check-signal.ts'
import { invalidArgument } from '../core/invalid-argument.ts'
import { checkOptions, namesOf } from '../core/option-names.ts'
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

const subscribeNames = namesOf<SubscribeOptions>({
  group: true,
  buffer: true,
  retained: true,
  onMessage: true,
  signal: true,
})
const publishNames = namesOf<PublishOptions>({ retain: true, acks: true, timeout: true })

/** @param options as a program without types may pass them @throws MeshError invalid_argument */
export function checkSubscribeOptions(options: SubscribeOptions<never>, pattern: string): void {
  const action = `subscribe to ${pattern}`
  checkOptions(options, subscribeNames, action)
  const { group, buffer, retained, onMessage, signal } = options as Partial<
    Record<keyof SubscribeOptions, unknown>
  >
  if (group !== undefined) parse(topicGroupField, group, action)
  checkFlag(retained, action, 'retained')
  if (onMessage !== undefined && typeof onMessage !== 'function')
    throw invalidArgument(
      action,
      `onMessage is ${shownValue(onMessage)}`,
      'Give a function of a message, or iterate the subscription.',
    )
  if (signal !== undefined) checkSignal(signal, 'subscribe to', pattern)
  const { mostBuffer } = topicDefaults
  if (buffer === undefined) return
  if (typeof buffer === 'number' && Number.isInteger(buffer) && buffer >= 1 && buffer <= mostBuffer) return
  throw invalidArgument(action, `its buffer is ${shownValue(buffer)}, not 1 to ${mostBuffer}`)
}

/** @param options as a program without types may pass them @throws MeshError invalid_argument */
export function checkPublishOptions(options: PublishOptions, topic: string): void {
  const action = `publish to ${topic}`
  checkOptions(options, publishNames, action)
  checkFlag(options.retain, action, 'retain')
}

function checkFlag(value: unknown, action: string, name: string): void {
  if (value === undefined || typeof value === 'boolean') return
  throw invalidArgument(action, `${name} is ${shownValue(value)}`, 'Give true or false.')
}
