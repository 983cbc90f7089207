import { GatheredBytes } from '@agent-mesh/agent/gateway/gathered-bytes'
import type { Readable } from 'node:stream'

/** Smaller pieces are joined, bytes: of 4 KiB, what a piece takes beside its bytes is a tenth. */
const pieceBytes = 4 * 1024

/**
 * Joins the small pieces of a stream of bytes that wait for its reader. A stream counts their bytes alone, and each takes 300 more:
 * a sender of single bytes would hold 20 MB in the 64 KiB of one request that nothing reads.
 * @param stream that nothing was pushed to yet
 */
export function gatherPieces(stream: Readable): void {
  const held = new GatheredBytes()
  const push = stream.push.bind(stream)
  const read = stream.read.bind(stream)
  const pass = (): boolean => push(held.bytes())
  const gather = (piece: Uint8Array): boolean => {
    held.add(piece)
    if (held.length >= pieceBytes) return pass()
    return stream.readableLength + held.length < stream.readableHighWaterMark
  }
  stream.push = (piece: unknown, encoding) => {
    // A reader that keeps up gets each piece as it comes.
    const waits = stream.readableLength + held.length > 0
    if (waits && piece instanceof Uint8Array && piece.length < pieceBytes) return gather(piece)
    if (held.length > 0) pass()
    return push(piece, encoding)
  }
  // Each way to read a stream comes here.
  stream.read = size => {
    if (held.length > 0) pass()
    return read(size) as unknown
  }
}
