/** JSON messages over a byte stream, each behind a 4-byte big-endian length. */
import { MeshError, parseJson, toMeshError } from '@agent-mesh/protocol'
import type * as z from 'zod/mini'
import type { ByteStream } from './libp2p/byte-stream.ts'

export interface MessageStreamInit<S extends z.ZodMiniType> {
  stream: ByteStream
  /** Of the messages that arrive. */
  schema: S
  /** Bytes of one message; a longer one aborts the stream. */
  maxBytes: number
  /** A message that fails aborts the stream: the peer speaks something else. */
  onMessage: (message: z.output<S>, characters: number) => void
  /** Bytes were received, of a message that need not be complete. */
  onBytes?: () => void
}

export interface MessageStream {
  /** @returns false when the peer is slow: send no more until `onDrain` */
  send(message: object): boolean
  onDrain(callback: () => void): void
  close(): void
}

/** Of the length ahead of each message. */
export const lengthBytes = 4

/** One message as bytes. */
export function encodeMessage(message: object): Uint8Array {
  const text = JSON.stringify(message)
  const length = Buffer.byteLength(text)
  // Some messages are kept to be sent again: a small piece of Node's pool would keep 64 KiB of it.
  const bytes = Buffer.allocUnsafeSlow(lengthBytes + length)
  bytes.writeUInt32BE(length)
  bytes.write(text, lengthBytes)
  return bytes
}

/** Cuts a byte stream into messages, however it was split. @throws MeshError too_large */
export class MessageSplitter {
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @returns the texts that are complete now */
  push(chunk: Uint8Array): string[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.byteLength
    const texts: string[] = []
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) {
      const all = Buffer.concat(this.#chunks)
      texts.push(all.toString('utf8', lengthBytes, lengthBytes + length))
      this.#chunks = [all.subarray(lengthBytes + length)]
      this.#bytes = all.length - lengthBytes - length
    }
    return texts
  }

  /** Length of the first message when it is complete. */
  #nextLength(): number | undefined {
    if (this.#bytes < lengthBytes) return undefined
    const [first] = this.#chunks
    if (first === undefined || first.byteLength < lengthBytes) this.#chunks = [Buffer.concat(this.#chunks)]
    const length = Buffer.from(this.#chunks[0] ?? []).readUInt32BE()
    if (length > this.#maxBytes)
      throw new MeshError('too_large', `Cannot read message: ${length} bytes, limit ${this.#maxBytes}`)
    return this.#bytes >= lengthBytes + length ? length : undefined
  }
}

/** Reads and writes messages on `stream` from now on. */
export function messageStream<S extends z.ZodMiniType>(init: MessageStreamInit<S>): MessageStream {
  const { stream, schema, maxBytes, onMessage, onBytes } = init
  const splitter = new MessageSplitter(maxBytes)
  stream.onData(chunk => {
    onBytes?.()
    try {
      for (const text of splitter.push(chunk))
        onMessage(parseJson(schema, text, 'read message', 'protocol_error'), text.length)
    } catch (error) {
      stream.abort(toMeshError(error, 'protocol_error', 'read message'))
    }
  })
  return {
    send: message => stream.send(encodeMessage(message)),
    onDrain: callback => stream.onDrain(callback),
    close: () => stream.close(),
  }
}
