/** An HTTP proxy on loopback that supports CONNECT, and fails in the ways of real proxies. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface ConnectProxyOptions {
  /** Names and ports that lead elsewhere: `relay.test:443` to a port of loopback. Nothing else passes when given. */
  routes?: Record<string, number>
  /** `user:password` it wants. */
  password?: string
  /** What it forwards takes so long, each way, ms. @default 0 */
  delayMs?: number
  /** Answers with this status, or breaks in this way, instead of connecting. */
  broken?: number | 'silent' | 'garbage' | 'hangup'
}

export interface ConnectProxy {
  readonly url: string
  readonly port: number
  /** What was asked for, in order. */
  readonly asked: string[]
  /** Bytes of clients that went through. */
  readonly sent: number
  /** Open connections through it. */
  readonly tunnels: number
  stop(): Promise<void>
}

export async function startConnectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const { routes, password, broken, delayMs = 0 } = options
  const asked: string[] = []
  const sockets = new Set<Socket>()
  let sent = 0
  let tunnels = 0
  const wanted = password === undefined ? undefined : `Basic ${Buffer.from(password).toString('base64')}`

  const answer = (client: Socket, target: string, authorization: string | undefined): void => {
    if (broken === 'silent') return
    if (broken === 'hangup') return void client.destroy()
    if (broken === 'garbage') return void client.end(`${'garbage '.repeat(10_000)}\r\n\r\n`)
    const status = broken ?? (wanted !== undefined && authorization !== wanted ? 407 : undefined)
    const [host = '', port = ''] = target.split(/:(?=\d+$)/)
    const to = routes === undefined ? Number(port) : routes[target]
    if (status !== undefined || to === undefined)
      return void client.end(`HTTP/1.1 ${status ?? 403} No\r\ncontent-length: 0\r\n\r\n`)
    const upstream = connect(to, routes === undefined ? host : '127.0.0.1', () => {
      tunnels++
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      client.on('data', (chunk: Buffer) => (sent += chunk.length))
      forward(client, upstream, delayMs)
      forward(upstream, client, delayMs)
      upstream.once('close', () => tunnels--)
    })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy()).on('close', () => endAfter(client, delayMs))
    client.on('close', () => endAfter(upstream, delayMs))
  }

  const server = createServer().listen(0, '127.0.0.1')
  server.on('connection', socket => void sockets.add(socket))
  server.on('connect', (request, client: Socket) => {
    client.on('error', () => client.destroy())
    asked.push(request.url ?? '')
    answer(client, request.url ?? '', request.headers['proxy-authorization'])
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${password === undefined ? '' : `${password}@`}127.0.0.1:${port}`,
    port,
    asked,
    get sent() {
      return sent
    },
    get tunnels() {
      return tunnels
    },
    stop: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

function forward(from: Socket, to: Socket, delayMs: number): void {
  if (delayMs === 0) return void from.pipe(to)
  from.on('data', (chunk: Buffer) => setTimeout(() => to.write(chunk), delayMs))
  from.on('end', () => setTimeout(() => to.end(), delayMs))
}

/** What is still on its way arrives first. */
function endAfter(socket: Socket, delayMs: number): void {
  if (delayMs === 0) return void socket.destroy()
  setTimeout(() => socket.destroySoon(), delayMs)
}
