/** STUN binding responses on loopback (RFC 8489), from a NAT of choice. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export interface StunResponder {
  readonly port: number
  /** Requests that came. */
  readonly asked: number
  stop(): Promise<void>
}

export interface StunResponderOptions {
  /** The address that it answers. @default where the request came from */
  mapped?: { host: string; port: number }
  /** Requests that get no answer, from the first on. */
  lost?: number
}

export async function startStunResponder({
  mapped,
  lost = 0,
}: StunResponderOptions = {}): Promise<StunResponder> {
  const socket = createSocket('udp4')
  let asked = 0
  socket.on('message', (request, from) => {
    if (++asked <= lost) return
    const { host, port } = mapped ?? { host: from.address, port: from.port }
    const response = Buffer.alloc(32)
    response.writeUInt16BE(0x0101, 0)
    response.writeUInt16BE(12, 2)
    request.copy(response, 4, 4, 20)
    response.writeUInt16BE(0x0020, 20)
    response.writeUInt16BE(8, 22)
    response[25] = 1
    response.writeUInt16BE(port ^ 0x2112, 26)
    const hidden = host.split('.').map((byte, i) => Number(byte) ^ (request[4 + i] ?? 0))
    response.set(hidden, 28)
    socket.send(response, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  return {
    port,
    get asked() {
      return asked
    },
    stop: async () => {
      socket.close()
      await once(socket, 'close')
    },
  }
}
