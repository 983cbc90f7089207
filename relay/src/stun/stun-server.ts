/**
 * Answers STUN binding requests on two UDP ports: agents learn their public address, WebRTC gathers its candidates, and
 * a client that asks both ports from one socket learns whether its NAT maps by destination. No state but a rate for each source.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { bindingResponse, MeshError, parseBindingRequest, sourceOf } from '@agent-mesh/protocol'
import { TokenBucket } from '@agent-mesh/agent/core/token-bucket'
import { stunDefaults } from './defaults.ts'

export interface StunServerInit {
  /** UDP port of the first socket, the second has the next one; 0: any two. @default 3478 */
  port?: number
  /** Milliseconds, monotonic. @default performance.now */
  now?: () => number
}

export class StunServer {
  readonly #port: number
  readonly #now: () => number
  readonly #sources = new Map<string, TokenBucket>()
  #sockets: Socket[] = []
  #answered = 0
  #refused = 0

  constructor({ port = stunDefaults.port, now = () => performance.now() }: StunServerInit = {}) {
    this.#port = port
    this.#now = now
  }

  /** Ports it answers on: two, once it has started. */
  get ports(): number[] {
    return [...new Set(this.#sockets.map(socket => socket.address().port))]
  }

  /** Requests answered so far. */
  get answered(): number {
    return this.#answered
  }

  /** Datagrams left without an answer so far: malformed, or over the rate of their source. */
  get refused(): number {
    return this.#refused
  }

  /** @throws MeshError invalid_argument when a port is taken */
  async start(): Promise<void> {
    try {
      for (const offset of [0, 1]) {
        const port = await this.#bind('udp4', this.#port === 0 ? 0 : this.#port + offset)
        // A host without IPv6 answers on IPv4 alone.
        await this.#bind('udp6', port).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'EADDRINUSE') throw error
        })
      }
    } catch (error) {
      await this.stop()
      const { code, message, port } = error as NodeJS.ErrnoException & { port?: number }
      const reason = code === 'EADDRINUSE' ? `${port ?? 'one'} is taken (${code})` : message
      throw new MeshError(
        'invalid_argument',
        `Cannot answer STUN on UDP ${this.#port} and the next port: ${reason}`,
        {
          hint: 'Pass another --stun-port, or --stun-port 0 to go without.',
          cause: error,
        },
      )
    }
  }

  async #bind(type: 'udp4' | 'udp6', port: number): Promise<number> {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' })
    try {
      socket.bind(port)
      await once(socket, 'listening')
    } catch (error) {
      socket.close()
      throw error
    }
    socket.on('message', (bytes, from) => this.#onMessage(socket, bytes, from))
    // Of single datagrams (an unreachable client); the socket stays open.
    socket.on('error', () => void this.#refused++)
    this.#sockets.push(socket)
    return socket.address().port
  }

  #onMessage(socket: Socket, bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const request = this.#mayAsk(address) ? parseBindingRequest(bytes) : undefined
    if (request === undefined) return void this.#refused++
    this.#answered++
    socket.send(bindingResponse(request, { host: address, port }), port, address, () => {})
  }

  #mayAsk(address: string): boolean {
    const source = sourceOf(address)
    const now = this.#now()
    const bucket =
      this.#sources.get(source) ?? new TokenBucket(stunDefaults.perSecond, stunDefaults.burst - 1, now)
    // To the end: the map forgets from its front.
    this.#sources.delete(source)
    this.#sources.set(source, bucket)
    const [oldest] = this.#sources.keys()
    if (this.#sources.size > stunDefaults.maxSources && oldest !== undefined) this.#sources.delete(oldest)
    if (bucket.wait(now) > 0) return false
    bucket.take(1, now)
    return true
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    const sockets = this.#sockets.splice(0)
    await Promise.all(
      sockets.map(async socket => {
        const closed = once(socket, 'close')
        socket.close()
        await closed
      }),
    )
  }
}

/** Where agents find it: the hosts of the relay's own addresses, with each of the ports. */
export function stunAddresses(addresses: readonly string[], ports: readonly number[]): string[] {
  const hosts = addresses.map(addr => /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+(?=\/tcp\/)/.exec(addr)?.[0])
  return [...new Set(hosts.filter(host => host !== undefined))].flatMap(host =>
    ports.map(port => `${host}/udp/${port}`),
  )
}
