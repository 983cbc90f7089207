/** A reverse proxy that serves an HTTP server below a path: it strips the path, or passes it on; WebSockets, too. */
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'

export interface PathProxy {
  /** With the path. */
  url: string
  /** Where it passes requests on to. */
  setTarget(url: string): Promise<void>
  stop(): Promise<void>
}

/** @param path `/mesh` @param strips whether the server behind sees requests without the path */
export async function pathProxy(path: string, strips: boolean): Promise<PathProxy> {
  let target = { host: '127.0.0.1', port: 0 }
  const behind = ({ url = '' }: IncomingMessage): string =>
    strips && url.startsWith(`${path}/`) ? url.slice(path.length) : url
  const forwarded = ({ headers, socket }: IncomingMessage) => ({
    ...headers,
    'x-forwarded-for': [headers['x-forwarded-for'] ?? [], socket.remoteAddress].flat().join(', '),
  })
  const server = createServer((incoming, outgoing) => {
    const { method } = incoming
    const passed = request({ ...target, path: behind(incoming), method, headers: forwarded(incoming) })
    passed.on('response', response => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  server.on('upgrade', (incoming, socket, head) => {
    const upstream = connect(target, () => {
      const lines = Object.entries(forwarded(incoming)).map(
        ([name, value]) => `${name}: ${String(value)}\r\n`,
      )
      upstream.write(`GET ${behind(incoming)} HTTP/1.1\r\n${lines.join('')}\r\n`)
      upstream.write(head)
      socket.pipe(upstream).pipe(socket)
    })
    for (const [end, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      end.on('error', () => other.destroy())
      end.on('close', () => other.destroy())
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${path}`,
    setTarget: url => {
      const { hostname, port: behindPort } = new URL(url)
      target = { host: hostname, port: Number(behindPort) }
      return Promise.resolve()
    },
    stop: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
