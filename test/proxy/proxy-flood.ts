/** Connections of programs to SOCKS and CONNECT of a gateway: some ask for a port, the others say nothing, or half of what they want. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

import { gatewayDefaults } from '@agent-mesh/cli'

export interface Wanted {
  /** Of the gateway. */
  port: number
  token: string
  /** `shout.box.mesh` */
  host: string
}

/** What became of a connection: it carries bytes, it was refused with a reason, it was closed without one. */
export type Fate = 'open' | 'refused' | 'closed'

const field = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
const socksHello = Buffer.of(5, 1, 2)
const connectHead = ({ host, token }: Wanted) =>
  `CONNECT ${host}:80 HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: Bearer ${token}\r\n`

const nothing = () => Buffer.alloc(0)
/** What a connection sends. The first two are whole, the answer to the others is that they end. */
const words: readonly ((to: Wanted) => Uint8Array)[] = [
  to => Buffer.from(`${connectHead(to)}\r\n`),
  ({ host, token }) =>
    Buffer.concat([
      ...[socksHello, Buffer.of(1), field('me'), field(token)],
      ...[Buffer.of(5, 1, 0, 3), field(host), Buffer.of(0, 80)],
    ]),
  nothing,
  to => Buffer.from(connectHead(to)),
  () => socksHello,
]

/** The greeting, the token and the reply of SOCKS; the first line of HTTP. */
const socksReply = 5
const isWhole = (said: Buffer) => (said[0] === 5 ? said.length > socksReply : said.includes('\r\n\r\n'))
const isOpen = (said: Buffer) => (said[0] === 5 ? said[socksReply] === 0 : /^HTTP\/1\.1 200 /.test(`${said}`))

export class ProxyFlood {
  readonly fates: Record<Fate, number> = { open: 0, refused: 0, closed: 0 }
  readonly #sockets = new Set<Socket>()
  readonly #speaking: Promise<void>[] = []
  readonly #silent = new Map<Socket, Promise<void>>()
  readonly #to: Wanted

  constructor(to: Wanted) {
    this.#to = to
  }

  /** Opens so many connections, `atOnce` at a time; none waits for what becomes of those before. */
  async open(count: number, atOnce = 500): Promise<void> {
    for (let begun = 0; begun < count; begun += atOnce) {
      const batch = Array.from({ length: Math.min(atOnce, count - begun) }, (_, n) =>
        this.#openOne(begun + n),
      )
      await Promise.all(batch)
    }
  }

  /**
   * Resolves when each has been served, refused or closed. The system drops connections when too many wait to be accepted; this side
   * learns of that only when it sends something. So each that is silent for longer than the gateway allows sends a byte.
   */
  async settled(): Promise<void> {
    await Promise.all(this.#speaking)
    const closed = Promise.all(this.#silent.values())
    await Promise.race([closed, wait(2 * gatewayDefaults.headMs, undefined, { ref: false })])
    for (const socket of this.#silent.keys()) if (!socket.destroyed) socket.write('?')
    await closed
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async #openOne(n: number): Promise<void> {
    const socket = connect({ port: this.#to.port, host: '127.0.0.1' })
    this.#sockets.add(socket)
    const settled = this.#fateOf(socket).then(fate => void this.fates[fate]++)
    const connected = once(socket, 'connect').catch(() => {})
    const say = words[n % words.length]!
    if (say === nothing) this.#silent.set(socket, settled)
    else this.#speaking.push(settled)
    socket.write(say(this.#to))
    await connected
  }

  #fateOf(socket: Socket): Promise<Fate> {
    let said = Buffer.alloc(0)
    return new Promise(resolve => {
      socket.on('error', () => {})
      socket.once('close', () => resolve(said.length > 0 ? 'refused' : 'closed'))
      socket.on('data', (bytes: Buffer) => {
        said = Buffer.concat([said, bytes])
        if (isWhole(said) && isOpen(said)) resolve('open')
      })
    })
  }
}
