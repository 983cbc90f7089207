import type { Socket } from 'node:net'
import type { ByteStream } from '../core/byte-stream.ts'

/** A TCP or TLS socket as the stream below a link. */
export const socketStream = (socket: Socket): ByteStream => {
  let lastError: Error | undefined
  socket.on('error', error => (lastError = error))
  return {
    get writable() {
      return socket.writable
    },
    send: chunk => socket.write(chunk),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    onData: callback => void socket.on('data', callback),
    onDrain: callback => void socket.on('drain', callback),
    onClose: callback => {
      if (socket.closed) queueMicrotask(() => callback(lastError))
      else socket.once('close', () => callback(lastError))
    },
    close: () => socket.destroySoon(),
    abort: error => void socket.destroy(error),
  }
}
