/**
 * A libp2p stream as the rooms above know it: bytes in, bytes out, back-pressure by `send` and `onDrain`. The shape is
 * that of rpc/byte-stream.ts; rooms above import no libp2p type.
 */
import type { Stream } from '@libp2p/interface'
import { toMeshError } from '@agent-mesh/protocol'
import { transportDefaults } from './defaults.ts'

export interface ByteStream {
  /** @returns false when the caller should wait for `onDrain`; the chunk is taken all the same */
  send(chunk: Uint8Array): boolean
  /** Bytes that arrived before the callback was set are delivered to it first. */
  onData(callback: (chunk: Uint8Array) => void): void
  onDrain(callback: () => void): void
  /** Once; at once when the stream is closed already. */
  onClose(callback: (error?: Error) => void): void
  /** Writes what is buffered, then closes. */
  close(): void
  abort(error: Error): void
}

/** @param onActivity called for each chunk either way */
export function byteStreamOf(stream: Stream, onActivity: () => void = () => {}): ByteStream {
  // A throw inside a libp2p event listener would end the process: the stream ends instead.
  const safely = <A extends unknown[]>(callback: (...args: A) => void) => {
    return (...args: A) => {
      try {
        callback(...args)
      } catch (error) {
        stream.abort(toMeshError(error, 'internal', 'handle stream data'))
      }
    }
  }
  const close = () => {
    stream.close({ signal: AbortSignal.timeout(transportDefaults.closeMs) }).catch((error: unknown) => {
      stream.abort(toMeshError(error, 'unavailable', 'close stream'))
    })
  }
  stream.addEventListener('remoteCloseWrite', close)
  return {
    send: chunk => {
      if (stream.writeStatus !== 'writable') return false
      onActivity()
      try {
        return stream.send(chunk)
      } catch {
        // The stream failed under the write; `onClose` carries the reason.
        return false
      }
    },
    onData: callback =>
      stream.addEventListener(
        'message',
        safely(({ data }) => {
          onActivity()
          if (data instanceof Uint8Array) callback(data)
          else for (const chunk of data) callback(chunk)
        }),
      ),
    onDrain: callback => stream.addEventListener('drain', safely(callback)),
    onClose: callback => {
      if (isOver(stream)) return queueMicrotask(safely(callback))
      stream.addEventListener(
        'close',
        safely(({ error }) => callback(error)),
      )
    },
    close,
    abort: error => stream.abort(error),
  }
}

/** Whether nothing more can come or go. */
export const isOver = (stream: Stream): boolean =>
  stream.status === 'aborted' || stream.status === 'reset' || stream.status === 'closed'
