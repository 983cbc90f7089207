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
    send: chunk => (chunk instanceof Uint8Array ? socket.write(chunk) : writeAll(socket, chunk)),
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

/** In one system call, and one run of TLS records. */
function writeAll(socket: Socket, pieces: readonly Uint8Array[]): boolean {
  let takesMore = true
  socket.cork()
  for (const piece of pieces) takesMore = socket.write(piece)
  socket.uncork()
  return takesMore
}
