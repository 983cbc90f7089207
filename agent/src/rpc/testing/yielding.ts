import { encodeBody } from '@agent-mesh/protocol/wire/index'
import type { OnRequest } from '../calls/inbound-calls.ts'

/** Serves streams by a generator over the params and the messages of the caller. */
export const yielding =
  (handler: (params: never, input: AsyncIterable<never>, signal: AbortSignal) => AsyncGenerator): OnRequest =>
  call => {
    const { stream } = call
    if (stream === undefined) return call.params()
    const messages = handler(call.params() as never, stream.begin() as never, call.signal)
    return stream.sendAll(messages, value => encodeBody(value, 'message'))
  }

/** Reads a stream to its end. */
export async function all(messages: AsyncIterable<unknown>): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const message of messages) seen.push(message)
  return seen
}
