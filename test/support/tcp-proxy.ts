/** A proxy on loopback that cuts connections: what a network does to a client and its database. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** How many connections it cut. */
  readonly cuts: number
  /** Cuts every connection that stands now. */
  cut(): void
  /** Lets bytes of a client through until `after` says so, then cuts before the answer: written, and not told. */
  cutAfter(after: ((sent: Buffer) => boolean) | undefined): void
  stop(): Promise<void>
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let after: ((sent: Buffer) => boolean) | undefined
  let cuts = 0
  const server = createServer(client => {
    const upstream = connect(target, '127.0.0.1')
    let doomed = false
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end).on('close', () => {
        sockets.delete(socket)
        end()
      })
    }
    client.on('data', sent => {
      if (after?.(sent) === true) doomed = true
      upstream.write(sent)
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
    cut,
    cutAfter: rule => void (after = rule),
    stop: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
