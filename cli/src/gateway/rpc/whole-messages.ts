import { GatheredBytes } from '@agent-mesh/agent/gateway/gathered-bytes'

/** Before each message stand its flags, one byte, and its length, four. */
export const prefixBytes = 5

/**
 * The bytes of a stream in pieces that end with a message. The library adds up the lengths of all pieces that it holds with each one that
 * comes: of a message that comes in bytes, that would take minutes, in which nothing else of the process runs.
 * @param maxBytes of a message; a larger one passes as it comes, for the library to refuse
 */
export async function* wholeMessages(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const held = new GatheredBytes()
  let wanted = prefixBytes
  for await (const chunk of chunks) {
    held.add(chunk)
    if (held.length < wanted) continue
    const bytes = held.bytes()
    const { end, next } = endOfMessages(bytes, maxBytes)
    if (end > 0) yield bytes.subarray(0, end)
    held.add(bytes.subarray(end))
    wanted = next
  }
  // An incomplete one is an error, which the library has.
  if (held.length > 0) yield held.bytes()
}

/** @returns where the last whole message ends, and how many bytes from there on are the next one, as far as is known */
function endOfMessages(bytes: Buffer, maxBytes: number): { end: number; next: number } {
  let end = 0
  while (bytes.length - end >= prefixBytes) {
    const length = bytes.readUInt32BE(end + 1)
    if (length > maxBytes) return { end: bytes.length, next: 0 }
    if (bytes.length - end < prefixBytes + length) return { end, next: prefixBytes + length }
    end += prefixBytes + length
  }
  return { end, next: prefixBytes }
}
