/** For specs: a program that speaks the WebSocket of the gateway. */
import { once } from 'node:events'

import { expect, vi } from 'vitest'
import { WebSocket } from 'ws'

type Message = Record<string, unknown>

export class SocketProgram {
  readonly socket: WebSocket
  /** What it was sent, in order. */
  readonly got: Message[] = []
  /** Code and reason of its end. */
  readonly closed: Promise<[number, string]>

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', data => this.got.push(JSON.parse((data as Buffer).toString()) as Message))
    this.closed = once(socket, 'close').then(([code, reason]) => [code as number, String(reason)])
  }

  /** With the token in a header. */
  static async open(url: string, token: string): Promise<SocketProgram> {
    const headers = { authorization: `Bearer ${token}` }
    const program = new SocketProgram(
      new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, 'agent-mesh.v1', { headers }),
    )
    await once(program.socket, 'open')
    return program
  }

  /** On the local socket of an agent, without a token. */
  static async openLocal(path: string): Promise<SocketProgram> {
    const program = new SocketProgram(new WebSocket(`ws+unix:${path}:/v1/ws`, 'agent-mesh.v1'))
    await once(program.socket, 'open')
    return program
  }

  say(message: Message | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** The first message that has these fields, now or later. */
  async heard(fields: Message): Promise<Message> {
    const matching = () => this.got.find(each => isLike(each, fields))
    await vi.waitFor(() => expect(matching()).toBeDefined(), 60_000)
    return matching()!
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

const isLike = (message: Message, fields: Message): boolean =>
  Object.entries(fields).every(([key, value]) =>
    value === undefined ? key in message : message[key] === value,
  )

/** @returns the status with which the gateway refuses it; 101 if it does not */
export async function upgradeStatus(
  url: string,
  headers: Record<string, string>,
  protocols: string[] = ['agent-mesh.v1'],
): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws'), protocols, { headers })
  const refused = once(socket, 'unexpected-response').then(
    ([, reply]) => (reply as { statusCode: number }).statusCode,
  )
  const opened = once(socket, 'open').then(() => 101)
  socket.on('error', () => undefined)
  const status = await Promise.race([refused, opened])
  socket.terminate()
  return status
}
