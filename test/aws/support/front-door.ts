/**
 * The emulator distinguishes APIs by the Host header, which no client of this project sets: this proxy sits before it on an
 * address of its own, as an operator's proxy would. `/watch` is the WebSocket API, `/push` the path by which its functions
 * post to watchers, all else the HTTP API.
 */
import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface FrontDoor {
  readonly url: string
  /** Looks for the APIs again: they were created again. */
  forget(): void
  close(): Promise<void>
}

/** Hosts of the two APIs. */
export interface Apis {
  http: string
  watch: string
}

/** @param find finds the APIs; called until they are deployed */
export async function frontDoor(target: number, find: () => Promise<Apis | undefined>): Promise<FrontDoor> {
  let apis: Apis | undefined
  const sockets = new Set<Socket>()
  /** Where a request goes: host and path. */
  const route = async ({ url = '/' }: IncomingMessage): Promise<{ host: string; path: string }> => {
    apis ??= await find()
    if (url.startsWith('/watch')) return { host: apis?.watch ?? '', path: url }
    if (url.startsWith('/push'))
      return { host: apis?.watch ?? '', path: `/watch${url.slice('/push'.length)}` }
    return { host: apis?.http ?? '', path: url }
  }

  const server = createServer(async (incoming, outgoing) => {
    const { host, path } = await route(incoming)
    const headers = { ...incoming.headers, host }
    const onward = request(
      { host: '127.0.0.1', port: target, method: incoming.method ?? 'GET', path, headers },
      reply => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
        reply.pipe(outgoing)
      },
    )
    onward.on('error', () => outgoing.headersSent || outgoing.writeHead(502).end())
    incoming.pipe(onward)
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('upgrade', async (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    const { host, path } = await route(incoming)
    const onward = connect(target, '127.0.0.1', () => {
      const lines = Object.entries({ ...incoming.headers, host }).map(
        ([name, value]) => `${name}: ${String(value)}`,
      )
      onward.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      onward.write(head)
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
    socket.on('close', () => onward.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    forget: () => (apis = undefined),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
