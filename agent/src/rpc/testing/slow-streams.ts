import { timerDelay } from '@agent-mesh/protocol/timers'
import type { ByteStream } from '../../core/byte-stream.ts'
import { memoryStreams } from '../memory-stream.ts'

/** {@link memoryStreams} over a path that carries so many bytes a ms each way, on the timers of the process. */
export function slowStreams(path: { bytesPerMs: number; delayMs: number }): [ByteStream, ByteStream] {
  return memoryStreams().map(stream => slowed(stream, path)) as [ByteStream, ByteStream]
}

function slowed(
  stream: ByteStream,
  { bytesPerMs, delayMs }: { bytesPerMs: number; delayMs: number },
): ByteStream {
  let freeAt = 0
  return {
    get writable() {
      return stream.writable
    },
    send(chunk) {
      const pieces = chunk instanceof Uint8Array ? [chunk] : chunk
      const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
      freeAt = Math.max(freeAt, performance.now()) + bytes / bytesPerMs
      setTimeout(() => stream.send(chunk), timerDelay(freeAt - performance.now() + delayMs))
      return true
    },
    onData: callback => stream.onData(callback),
    onDrain: callback => stream.onDrain(callback),
    onClose: callback => stream.onClose(callback),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    close: () => stream.close(),
    abort: error => stream.abort(error),
  }
}
