import type { Duplex } from 'node:stream'

/** For a client to read why it is refused, ms: it is on the same machine. */
const readMs = 2_000

/** Sends them, and ends the connection. One that is closed while its client sends is reset, and the client loses what was sent. */
export function endWith(socket: Duplex, words: string | Uint8Array): void {
  const late = setTimeout(() => socket.destroy(), readMs)
  socket.once('close', () => clearTimeout(late))
  socket.resume().end(words)
}
