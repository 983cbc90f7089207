/** One direction of bytes over any stream: the sender knows the end when the receiver says so. */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'

/** Bytes of one write: what a file is read in. */
const piece = Buffer.alloc(64 * 1024, 'x')

/** Sends `bytes` over a fresh stream. Resolves when the receiver has them all. */
export async function send(stream: Duplex, bytes: number): Promise<void> {
  const received = once(stream, 'data')
  for (let left = bytes; left > 0; left -= piece.length)
    if (!stream.write(left < piece.length ? piece.subarray(0, left) : piece)) await once(stream, 'drain')
  stream.end()
  const [answer] = (await received) as [Buffer]
  if (Number(answer.toString()) !== bytes)
    throw new Error(`${bytes} bytes sent, ${answer.toString()} received`)
}

/** The other end: counts, and says how many came. */
export function receive(stream: Duplex): void {
  let bytes = 0
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
  stream.on('end', () => stream.end(String(bytes)))
  stream.on('error', () => {})
}
