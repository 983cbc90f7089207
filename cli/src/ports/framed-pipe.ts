/**
 * The bytes of a pipe on the local socket. A socket of the file system has no reset: its end would look like the end of all bytes, also
 * where half of them are missing. So bytes go in pieces behind their length, and an empty piece ends a direction.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

const lengthBytes = 4

export class FramedPipe extends Duplex {
  readonly #socket: Socket
  /** Of the next length, as far as it has come. */
  #head = Buffer.alloc(0)
  /** Bytes of the piece that are still to come. */
  #left = 0
  #ended = false

  /** @param first bytes that were read from the socket already */
  constructor(socket: Socket, first: Buffer) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('drain', () => this.#written())
    socket.on('error', () => socket.destroy())
    socket.on('end', () => this.#lost())
    socket.on('close', () => this.#lost())
    socket.pause()
    if (first.length > 0) this.#receive(first)
    if (socket.destroyed) this.#lost()
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (bytes.length === 0) return done()
    const length = Buffer.allocUnsafe(lengthBytes)
    length.writeUInt32BE(bytes.length)
    this.#socket.cork()
    this.#socket.write(length)
    const more = this.#socket.write(bytes)
    this.#socket.uncork()
    if (more) done()
    else this.#done = done
  }

  override _final(done: () => void): void {
    this.#socket.write(Buffer.alloc(lengthBytes), () => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#written()
    if (error === null && this.#ended && this.writableFinished) this.#socket.end()
    else this.#socket.destroy()
    done(error)
  }

  #done: (() => void) | undefined
  #written(): void {
    const done = this.#done
    this.#done = undefined
    done?.()
  }

  #receive(bytes: Buffer): void {
    let more = true
    for (let at = 0; at < bytes.length && !this.#ended;) {
      if (this.#left === 0) {
        const missing = lengthBytes - this.#head.length
        this.#head = Buffer.concat([this.#head, bytes.subarray(at, at + missing)])
        at += missing
        if (this.#head.length < lengthBytes) break
        this.#left = this.#head.readUInt32BE()
        this.#head = Buffer.alloc(0)
        this.#ended = this.#left === 0
      } else {
        const piece = bytes.subarray(at, at + this.#left)
        at += piece.length
        this.#left -= piece.length
        more = this.push(piece)
      }
    }
    if (this.#ended) this.push(null)
    else if (!more) this.#socket.pause()
  }

  #lost(): void {
    if (this.destroyed || (this.#ended && this.writableFinished)) return
    this.destroy(new MeshError('path_lost', 'Cannot read the pipe: the connection was reset'))
  }
}
