/** The one message that each side of a pipe sends before its bytes. */
import type { Duplex } from 'node:stream'
import { MeshError, parseJson } from '@agent-mesh/protocol'
import type * as z from 'zod/mini'
import { encodeMessage, lengthBytes } from '../../transport/message-stream.ts'

/** Writes a message ahead of the bytes. */
export function writeMessage(pipe: Duplex, message: object): void {
  pipe.write(encodeMessage(message))
}

/**
 * Reads the message and leaves the bytes behind it to the reader of the pipe.
 * @throws MeshError too_large, protocol_error; path_lost when the pipe ends before it; the reason of `signal`
 */
export async function readMessage<S extends z.ZodMiniType>(
  pipe: Duplex,
  { schema, maxBytes, signal }: { schema: S; maxBytes: number; signal: AbortSignal },
): Promise<z.output<S>> {
  let held = Buffer.alloc(0)
  for (;;) {
    const chunk = pipe.read() as Buffer | null
    if (chunk === null) {
      await moreToRead(pipe, signal)
      continue
    }
    held = Buffer.concat([held, chunk])
    const length = held.length < lengthBytes ? undefined : held.readUInt32BE()
    if (length === undefined) continue
    if (length > maxBytes)
      throw new MeshError(
        'too_large',
        `Cannot read the first message of a pipe: ${length} bytes, limit ${maxBytes}`,
      )
    const end = lengthBytes + length
    if (held.length < end) continue
    if (held.length > end) pipe.unshift(held.subarray(end))
    const text = held.toString('utf8', lengthBytes, end)
    return parseJson(schema, text, 'read the first message of a pipe', 'protocol_error')
  }
}

/** Resolves when there may be more. @throws MeshError path_lost; the reason of `signal` */
function moreToRead(pipe: Duplex, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const over = () =>
    reject(new MeshError('path_lost', 'Cannot open the pipe: it ended before its first message'))
  const aborted = () => reject(signal.reason as Error)
  const listeners = { readable: resolve, end: over, close: over, error: reject } as const
  for (const [event, listener] of Object.entries(listeners)) pipe.on(event, listener)
  signal.addEventListener('abort', aborted)
  if (signal.aborted) aborted()
  else if (pipe.destroyed || pipe.readableEnded) over()
  return promise.finally(() => {
    for (const [event, listener] of Object.entries(listeners)) pipe.off(event, listener)
    signal.removeEventListener('abort', aborted)
  })
}
