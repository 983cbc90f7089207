/**
 * Bytes of streams and connections of libp2p without its queues and events. Stock, each chunk that is sent or read passes two lists, an
 * event, and where all was sent a second event: more CPU than the TLS record of a small call. Here a chunk goes straight on where
 * nothing waits before it; in all other cases it takes the stock way, which keeps the order.
 */
import type { MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { flowOf } from './hidden-parts.ts'

export type Bytes = Uint8Array | Uint8ArrayList

export type OnChunk = (chunk: Uint8Array) => void

const readers = new WeakMap<MessageStream, OnChunk>()

/** Calls back with each chunk that arrives; one that waited comes first. @returns ends that */
export function onChunks(stream: MessageStream, onChunk: OnChunk): () => void {
  const onMessage = ({ data }: { data: Bytes }): void => {
    if (data instanceof Uint8Array) onChunk(data)
    else for (const chunk of data) onChunk(chunk)
  }
  stream.addEventListener('message', onMessage)
  readDirectly(stream, onChunk)
  return () => {
    stream.removeEventListener('message', onMessage)
    readers.delete(stream)
  }
}

/** As {@link onChunks}, for a reader that listens to the stream's messages already. */
export function readDirectly(stream: MessageStream, onChunk: OnChunk): void {
  readers.set(stream, onChunk)
}

/** Hands over a chunk that has arrived. @returns false where the stream has to keep it: it was not handed over */
export function handOver(stream: MessageStream, chunk: Uint8Array): boolean {
  const { readStatus, remoteWriteStatus, readBuffer } = flowOf(stream)
  if (readStatus !== 'readable' || remoteWriteStatus !== 'writable' || readBuffer.byteLength > 0) return false
  const onChunk = readers.get(stream)
  if (onChunk === undefined) return false
  onChunk(chunk)
  return true
}

/** Sends pieces as one message. @returns whether the stream takes more */
export const sendPieces = (stream: MessageStream, pieces: readonly Uint8Array[]): boolean =>
  stream.send(pieces.length === 1 ? pieces[0]! : new Uint8ArrayList(...pieces))

/** Whether bytes that are sent now may be written at once: none wait, and the stream takes more. */
export function isFree(stream: MessageStream): boolean {
  const { writeStatus, writableNeedsDrain, sendingData, writeBuffer } = flowOf(stream)
  return writeStatus === 'writable' && !writableNeedsDrain && !sendingData && writeBuffer.byteLength === 0
}
