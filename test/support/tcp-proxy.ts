/** A proxy on loopback that cuts connections, or falls silent: what a network does to those who talk over it. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** How many connections it cut. */
  readonly cuts: number
  /** Cuts every connection that stands now. */
  cut(): void
  /** Passes nothing on any more, on old connections and new ones, and closes none: a path that died. */
  hold(): void
  /** Passes on what it held. */
  release(): void
  /** Lets bytes of a client through until `after` says so, then cuts before the answer: written, and not told. */
  cutAfter(after: ((sent: Buffer) => boolean) | undefined): void
  stop(): Promise<void>
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let after: ((sent: Buffer) => boolean) | undefined
  let cuts = 0
  let held = false
  const server = createServer(client => {
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
