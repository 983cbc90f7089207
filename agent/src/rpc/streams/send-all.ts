import { MeshError } from '@agent-mesh/protocol/errors'
import type { EncodedBody } from '@agent-mesh/protocol/wire/index'
import type { MessageSender } from './message-sender.ts'

/** Where the messages of a stream come from. */
export type Messages = AsyncIterable<unknown> | Iterable<unknown>

/** @throws MeshError `invalid_argument` for what is no iterable */
export function iteratorOf(messages: unknown, what: string): AsyncIterator<unknown> | Iterator<unknown> {
  if (typeof messages === 'object' && messages !== null) {
    const { [Symbol.asyncIterator]: ofAsync, [Symbol.iterator]: ofSync } = messages as Partial<
      AsyncIterable<unknown> & Iterable<unknown>
    >
    if (typeof ofAsync === 'function') return ofAsync.call(messages)
    if (typeof ofSync === 'function') return ofSync.call(messages)
  }
  throw new MeshError('invalid_argument', `Cannot send ${what}: it is no iterable of messages`)
}

/**
 * Sends what an iterator yields, and asks it for the next message only when there is room for it.
 * @returns what the iterator returned
 * @throws what the iterator throws, or why the stream has ended; then the iterator is ended
 */
export async function sendAll(
  source: AsyncIterator<unknown> | Iterator<unknown>,
  sender: MessageSender,
  encode: (value: unknown) => EncodedBody | Promise<EncodedBody>,
): Promise<unknown> {
  let returned: Promise<boolean> | undefined
  const stop = (): Promise<boolean> => (returned ??= ended(source))
  sender.onClosed(() => void stop())
  try {
    for (;;) {
      const room = sender.ready()
      if (room !== undefined) await room
      const step = source.next()
      // A message that is there already needs no promise.
      const next = 'then' in step ? await step : step
      if (next.done === true) return next.value
      const body = encode(next.value)
      const sent = sender.send(body instanceof Promise ? await body : body)
      if (sent !== undefined) await sent
    }
  } catch (error) {
    // A generator that ended its own stream was running, and could not be ended then.
    if (!(await stop())) await ended(source)
    throw error
  }
}

/** Ends an iterator whose messages are no longer wanted. @returns false when it threw: no caller is left to receive that */
async function ended(source: AsyncIterator<unknown> | Iterator<unknown>): Promise<boolean> {
  try {
    await source.return?.()
    return true
  } catch {
    return false
  }
}
