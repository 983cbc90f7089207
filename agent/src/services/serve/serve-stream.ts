/** Streams at their callee: the generator of a handler, and what the caller sends it. */
import { MeshError } from '@agent-mesh/protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { promiseOf, type InboundCall } from '../../rpc/index.ts'
import { isStreamed, type MethodContract } from '../contract/contract.ts'
import { itemEncoder, itemReader } from '../contract/items.ts'

/** What a method that streams takes and yields. */
export interface StreamSchemas {
  readonly takes: StandardSchemaV1 | undefined
  readonly yields: StandardSchemaV1 | undefined
}

export const streamSchemas = (method: MethodContract): StreamSchemas | undefined =>
  isStreamed(method) ? { takes: method.takes, yields: method.yields } : undefined

/**
 * Tells the caller of a stream that its handler begins; nothing for a plain call.
 * @throws MeshError `invalid_argument` for a call of a method that streams, and the other way round; `overloaded` without room
 */
export function beginStream(method: string, stream: StreamSchemas | undefined, call: InboundCall): void {
  if (stream === undefined && call.stream === undefined) return
  if (stream === undefined || call.stream === undefined) {
    const [what, instead] = stream === undefined ? ['does not stream', 'call()'] : ['streams', 'stream()']
    throw new MeshError('invalid_argument', `Cannot call ${method}: it ${what}`, {
      hint: `Use agent.${instead}, or "agent-mesh ${instead.slice(0, -2)} ${method}".`,
    })
  }
  call.stream.begin(
    itemReader(stream.takes, method, { code: 'invalid_argument', action: 'read a message for' }),
  )
}

/** Sends what the handler of a stream yields. @returns its result, also as a promise */
export function streamed(
  method: string,
  { yields }: StreamSchemas,
  { stream }: InboundCall,
  made: unknown,
): unknown {
  if (yields === undefined || stream === undefined) return made
  const encode = itemEncoder(yields, method, { code: 'application', action: 'send a message of' })
  // Of an async function that returns an iterable: what it rejects with is the failure of its handler.
  const promise = promiseOf(made)
  return promise === undefined
    ? stream.sendAll(made, encode)
    : promise.then(messages => stream.sendAll(messages, encode))
}
