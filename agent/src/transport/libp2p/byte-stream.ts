/** A libp2p stream as the rooms above know it: they import no libp2p type. */
import type { Stream } from '@libp2p/interface'
import { toMeshError } from '@agent-mesh/protocol'
import type { ByteStream } from '../../core/byte-stream.ts'
import { transportDefaults } from '../defaults.ts'
import { onChunks, sendPieces } from './direct-streams.ts'

export type { ByteStream }

/**
 * Bytes that arrived before there was a callback come to it first; one for the end of a stream that is over is called at
 * once.
 * @param onActivity called for each chunk either way
 */
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
  const isReadable = () => stream.readStatus === 'readable' || stream.readStatus === 'paused'
  return {
    get writable() {
      return stream.writeStatus === 'writable'
    },
    send: chunk => {
      if (stream.writeStatus !== 'writable') return false
      onActivity()
      try {
        return chunk instanceof Uint8Array ? stream.send(chunk) : sendPieces(stream, chunk)
      } catch {
        // The stream failed under the write; `onClose` carries the reason.
        return false
      }
    },
    pause: () => {
      if (isReadable()) stream.pause()
    },
    resume: () => {
      if (isReadable()) stream.resume()
    },
    onData: callback =>
      onChunks(
        stream,
        safely(chunk => {
          onActivity()
          callback(chunk)
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
