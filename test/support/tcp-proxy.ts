/** A proxy on loopback that cuts connections, or falls silent: as networks do. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** How many connections it cut. */
  readonly cuts: number
  /** Cuts every connection that stands now. */
  cut(): void
  /** Forwards nothing any more, on all connections, and closes none: a path that died. */
  hold(): void
  /** Forwards what it held. */
  release(): void
  /** From now on what clients send shares so many bytes a second, as over one slow uplink; the way back stays fast. */
  uplink(bytesPerSecond: number): void
  /** Bytes that clients have sent. */
  readonly sentBytes: number
  /** Connections that clients have made. */
  readonly connections: number
  /** Lets bytes of a client through until `after` says so, then cuts before the answer: written, and not acknowledged. */
  cutAfter(after: ((sent: Buffer) => boolean) | undefined): void
  stop(): Promise<void>
}

/** @param bufferBytes read at once. Few: what waits for the uplink waits at its sender */
export async function startTcpProxy(target: number, bufferBytes = 16 * 1024): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let after: ((sent: Buffer) => boolean) | undefined
  let cuts = 0
  let held = false
  let sentBytes = 0
  let connections = 0
  let rate = Infinity
  let freeAt = 0
  /** Passes a chunk on when the uplink has carried it, and reads nothing of its sender until then. */
  const carry = (sent: Buffer, client: Socket, upstream: Socket): void => {
    if (rate === Infinity) return void upstream.write(sent)
    client.pause()
    freeAt = Math.max(freeAt, performance.now()) + (sent.length / rate) * 1_000
    setTimeout(() => {
      upstream.write(sent)
      if (!held) client.resume()
    }, freeAt - performance.now())
  }
  const server = createServer({ highWaterMark: bufferBytes }, client => {
    connections++
    const upstream = connect(target, '127.0.0.1')
    let doomed = false
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      if (held) socket.pause()
      socket.on('error', end).on('close', () => {
        sockets.delete(socket)
        end()
      })
    }
    client.on('data', sent => {
      if (after?.(sent) === true) doomed = true
      sentBytes += sent.length
      carry(sent, client, upstream)
    })
    upstream.on('data', answer => {
      if (!doomed) return void client.write(answer)
      cuts++
      end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cut = (): void => {
    cuts += sockets.size / 2
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    get cuts() {
      return cuts
    },
    get sentBytes() {
      return sentBytes
    },
    get connections() {
      return connections
    },
    uplink: bytesPerSecond => void (rate = bytesPerSecond),
    cut,
    hold: () => {
      held = true
      for (const socket of sockets) socket.pause()
    },
    release: () => {
      held = false
      for (const socket of sockets) socket.resume()
    },
    cutAfter: rule => void (after = rule),
    stop: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
