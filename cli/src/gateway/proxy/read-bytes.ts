import { MeshError } from '@agent-mesh/protocol/errors'
import type { Readable } from 'node:stream'

/** So many bytes of a paused stream; those behind them go back into it. @throws MeshError path_lost when it ends before */
export async function bytesOf(stream: Readable, count: number): Promise<Buffer> {
  let held = Buffer.alloc(0)
  while (held.length < count) {
    // All of it: with some bytes left, "readable" would come at once, again and again.
    const chunk = stream.read() as Buffer | null
    if (chunk !== null) held = Buffer.concat([held, chunk])
    else if (stream.readableEnded || stream.destroyed) throw ended()
    else await readable(stream)
  }
  if (held.length > count) stream.unshift(held.subarray(count))
  return held.subarray(0, count)
}

const ended = () => new MeshError('path_lost', 'Cannot read the request: the connection ended before')

function readable(stream: Readable): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const over = () => reject(ended())
  stream.once('readable', resolve).once('end', over).once('close', over)
  return promise.finally(() => {
    stream.off('readable', resolve).off('end', over).off('close', over)
  })
}
