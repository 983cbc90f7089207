/**
 * The yardstick: the least that calls over node:tls can do. Frames of u32 length, u32 id and the payload; all frames of
 * a tick in one write; answers found by id. No deadline, no cancellation, no limits, no errors.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { certificate } from './certificate.ts'
import { payloadBytes, type Contender } from './contender.ts'

const headBytes = 8
const frameBytes = headBytes + payloadBytes

/** Gathers the frames of a tick. */
class Batch {
  readonly #socket: TLSSocket
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #start = 0
  #end = 0
  #scheduled = false

  constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  add(id: number, payload: Uint8Array): void {
    if (this.#end + frameBytes > this.#buffer.length) {
      this.#flush()
      this.#buffer = Buffer.allocUnsafe(64 * 1024)
      this.#start = this.#end = 0
    }
    this.#buffer.writeUInt32BE(frameBytes - 4, this.#end)
    this.#buffer.writeUInt32BE(id, this.#end + 4)
    this.#buffer.set(payload, this.#end + headBytes)
    this.#end += frameBytes
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#end > this.#start) this.#socket.write(this.#buffer.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}

/** Calls back with each frame; `payload` is a view. */
function onFrames(socket: TLSSocket, onFrame: (id: number, payload: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    while (data.length - at >= 4) {
      const end = at + 4 + data.readUInt32BE(at)
      if (end > data.length) break
      onFrame(data.readUInt32BE(at + 4), data.subarray(at + headBytes, end))
      at = end
    }
    rest = data.subarray(at)
  })
}

export const contender: Contender = {
  async serve() {
    const { key, cert } = await certificate()
    const server = createServer({ key, cert, minVersion: 'TLSv1.3' }, socket => {
      socket.setNoDelay(true)
      const batch = new Batch(socket)
      onFrames(socket, (id, payload) => batch.add(id, payload))
      socket.on('error', () => socket.destroy())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      address: (server.address() as AddressInfo).port,
      stop: async () => void server.close(),
    }
  },

  async connect(address) {
    const socket = connect({ port: address as number, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    socket.setNoDelay(true)
    const batch = new Batch(socket)
    const waiting = new Map<number, (payload: Buffer) => void>()
    onFrames(socket, (id, payload) => {
      waiting.get(id)?.(payload)
      waiting.delete(id)
    })
    const payload = Buffer.alloc(payloadBytes, 'x')
    let lastId = 0
    return {
      echo: () =>
        new Promise(resolve => {
          const id = ++lastId
          waiting.set(id, resolve)
          batch.add(id, payload)
        }),
      stop: async () => void socket.destroy(),
    }
  },
}
