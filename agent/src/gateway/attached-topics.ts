/** Topics of the agent of this machine, for a program that attaches to it: see protocol/src/local-topics.ts. */
import { errorOfProblem, type Problem } from '@agent-mesh/protocol/api/problem'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { MeshError } from '@agent-mesh/protocol/errors'
import { localPublishReply, localTopicLine, type LocalTopicMessage } from '@agent-mesh/protocol/local-topics'
import { valueOfLocal } from '@agent-mesh/protocol/local-value'
import { parseJson } from '@agent-mesh/protocol/parse'
import { startTimer } from '@agent-mesh/protocol/timers'
import { checkOptions, namesOf } from '../core/option-names.ts'
import { topicName, type TopicContract } from '../topics/contract.ts'
import { topicDefaults } from '../topics/defaults.ts'
import { checkAcks, encodedBody } from '../topics/encode-message.ts'
import {
  checkPublishOptions,
  checkSubscribeOptions,
  type Published,
  type PublishOptions,
  type SubscribeOptions,
} from '../topics/subscribe-options.ts'
import type { TopicMessage } from '../topics/subscription.ts'
import { patternOf } from '../topics/topic-pattern.ts'
import { openLines, type LocalLines } from './local-lines.ts'
import { askLocal, requestBytes } from './local-socket.ts'
import { lineOf } from './local-stream.ts'

/** The buffer is the agent's, and messages are iterated. */
export type AttachedSubscribeOptions = Pick<SubscribeOptions, 'group' | 'retained' | 'signal'>

const subscribeNames = namesOf<AttachedSubscribeOptions>({ group: true, retained: true, signal: true })

/** For the agent to say that it has subscribed, ms. */
const answerMs = 10_000

/** Messages as they come. To leave the loop ends it. */
export interface AttachedSubscription<Message = unknown> extends AsyncIterable<TopicMessage<Message>> {
  close(): void
}

/** @throws MeshError as an agent's `publish` */
export async function publishAttached(
  folder: string,
  topic: string | TopicContract,
  message: unknown,
  options: PublishOptions = {},
): Promise<Published> {
  const name = topicName(topic, 'publish')
  const contract = ofFirstVersion(topic, `publish to ${name}`)
  checkPublishOptions(options, name)
  const { retain = contract?.retain, acks = 0, timeout: timeoutMs = topicDefaults.ackMs } = options
  checkAcks(acks, name)
  checkDuration(timeoutMs, `publish to ${name}`)
  const head = { topic: name, retain, acks, timeoutMs }
  const body = lineOf(await encodedBody(contract, name, message), 'value', head)
  return askLocal(folder, { path: '/v1/publish', body, timeoutMs }, localPublishReply)
}

/**
 * Resolves when the agent has subscribed.
 * @throws MeshError as an agent's `subscribe`; cancelled when the signal aborts before; deadline_exceeded without an answer
 */
export async function subscribeAttached(
  folder: string,
  topic: string | TopicContract,
  options: AttachedSubscribeOptions = {},
): Promise<AttachedSubscription> {
  const action = `subscribe to ${topicName(topic, 'subscribe')}`
  ofFirstVersion(topic, action)
  const { pattern, schema } = patternOf(topic)
  checkOptions(options, subscribeNames, action)
  checkSubscribeOptions(options, pattern)
  const { group, retained, signal } = options
  const over = new AbortController()
  const end = (reason: MeshError): void => {
    signal?.removeEventListener('abort', close)
    over.abort(reason)
  }
  const close = (): void => end(new MeshError('cancelled', `Cannot ${action}: it was closed`))
  signal?.addEventListener('abort', close, { once: true })
  if (signal?.aborted === true) close()
  const late = () => new MeshError('deadline_exceeded', `Cannot ${action}: no answer within ${answerMs} ms`)
  const timer = startTimer(answerMs, () => end(late()))
  try {
    const first = JSON.stringify({ topic: pattern, group, retained })
    const asked = { path: '/v1/subscribe', first, signal: over.signal, mostBytes: requestBytes }
    const messages = read(await openLines(folder, asked), action, over.signal)
    // The first line says that the agent has subscribed.
    await messages.next()
    over.signal.throwIfAborted()
    return { close, [Symbol.asyncIterator]: () => checked(messages, schema, close) }
  } catch (error) {
    close()
    throw error
  } finally {
    timer.cancel()
  }
}

/** @param end once no more are read */
async function* checked(
  messages: AsyncIterable<LocalTopicMessage>,
  schema: TopicContract['message'] | undefined,
  end: () => void,
): AsyncGenerator<TopicMessage, void, undefined> {
  try {
    for await (const { topic, from, at, retained, lost, ...sent } of messages) {
      const value = await fitting(schema, valueOfLocal(sent))
      if (value !== undefined) yield { topic, from, at, retained, lost, ...value }
    }
  } finally {
    end()
  }
}

/** A value that does not fit is not for this subscription, as at an agent. */
async function fitting(
  schema: TopicContract['message'] | undefined,
  value: unknown,
): Promise<{ value: unknown } | undefined> {
  if (schema === undefined) return { value }
  try {
    const result = await schema['~standard'].validate(value)
    return result.issues === undefined ? { value: result.value } : undefined
  } catch {
    // A schema that throws refuses this message alone.
    return undefined
  }
}

/** Lines from the agent, none once it is over; its own end is an error, that of the program none. */
async function* read(
  { lines }: LocalLines,
  action: string,
  over: AbortSignal,
): AsyncGenerator<LocalTopicMessage, void, undefined> {
  try {
    for await (const text of lines) {
      if (over.aborted) return
      const line = parseJson(localTopicLine, text, 'read the reply of /v1/subscribe', 'protocol_error')
      if ('error' in line)
        throw errorOfProblem(line.error as Problem) ?? new MeshError('internal', `Cannot ${action}`)
      yield line as LocalTopicMessage
    }
  } catch (error) {
    if (over.aborted) return
    throw error
  }
  throw new MeshError('unavailable', `Cannot ${action}: the agent has stopped`)
}

/** The socket names topics without their version. */
function ofFirstVersion(topic: string | TopicContract, action: string): TopicContract | undefined {
  if (typeof topic === 'string') return undefined
  if ((topic.version ?? 1) === 1) return topic
  throw new MeshError(
    'unsupported',
    `Cannot ${action}: the socket of the agent carries version 1 of topics`,
    {
      hint: 'Use createAgent() in this program.',
    },
  )
}
