/**
 * Port: the transport below a link, an ordered, reliable, authenticated pair of byte flows. Adapters: a libp2p stream
 * (transport/libp2p/byte-stream.ts) and a TCP or TLS socket (rpc/socket-stream.ts).
 */
export interface ByteStream {
  /** Whether it takes chunks: not once either side closes it, though what was sent before may still be on its way. */
  readonly writable: boolean
  /**
   * Writes a chunk, or the pieces of one, which neither side changes from now on: several streams may be given the same. Without effect
   * when the stream is not {@link writable}.
   * @returns false when the stream wants no more until `onDrain`; the chunk itself is accepted
   */
  send(chunk: Uint8Array | readonly Uint8Array[]): boolean
  /** Received bytes, in any portions; each chunk belongs to the callback. One callback. */
  onData(callback: (chunk: Uint8Array) => void): void
  /** Reads nothing until `resume`: the peer has to wait once buffers are full. */
  pause(): void
  resume(): void
  /** The stream can be written to again. One callback. */
  onDrain(callback: () => void): void
  /** Once, however the stream ends; `error` when it did not end by a close of either side. One callback. */
  onClose(callback: (error?: Error) => void): void
  /** Ends the stream after what was sent. */
  close(): void
  /** Ends the stream now. */
  abort(error: Error): void
}
