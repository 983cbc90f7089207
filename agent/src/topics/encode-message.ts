/** What is published, checked and encoded. */
import { encodeBody, encodeTopicMessage, MeshError, parse, topicNameField } from '@agent-mesh/protocol'
import type { Encoded } from '@agent-mesh/protocol/wire/index'
import { encoderOf } from '../services/contract/coded.ts'
import { checkedValue } from '../services/contract/validate.ts'
import type { TopicContract } from './contract.ts'
import { topicDefaults } from './defaults.ts'

/** @throws MeshError invalid_argument */
export function checkAcks(acks: number, topic: string): void {
  if (Number.isInteger(acks) && acks >= 0 && acks <= topicDefaults.mostAcks) return
  throw new MeshError(
    'invalid_argument',
    `Cannot publish to ${topic}: acks is ${acks}, not 0 to ${topicDefaults.mostAcks}`,
  )
}

/** A message as it is sent, once it fits its contract. @throws MeshError invalid_argument, too_large */
export const encoded = async (
  contract: TopicContract | undefined,
  topic: string,
  message: unknown,
): Promise<Uint8Array> => encodeTopicMessage(await encodedBody(contract, topic, message), topic)

/** JSON or bytes of a message that fits its contract. @throws MeshError invalid_argument */
export async function encodedBody(
  contract: TopicContract | undefined,
  topic: string,
  message: unknown,
): Promise<Encoded> {
  parse(topicNameField, topic, `publish to '${topic}'`)
  if (contract === undefined) return encodeBody(message, 'message')
  const encode = encoderOf(contract.message)
  const result = encode?.(message) ?? (await contract.message['~standard'].validate(message))
  checkedValue(result, 'invalid_argument', 'publish to', topic, 'See the message of its contract.')
  // A codec gives what is sent; without one the subscriber applies the schema, as for the params of a call.
  const sent = encode === undefined || result.issues !== undefined ? message : result.value
  return encodeBody(sent, 'message')
}
