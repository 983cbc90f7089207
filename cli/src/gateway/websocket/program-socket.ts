/** One WebSocket of a program: messages in, messages out as fast as the program reads them, and its end. */
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import type { WebSocket } from 'ws'

import { gatewayDefaults } from '../defaults.ts'
import type { GatewayCaller } from '../caller.ts'
import { readMessage, type Said } from './messages.ts'
import { SocketCalls } from './socket-calls.ts'
import { SocketServices } from './socket-services.ts'
import { SocketTasks, type SocketParts } from './socket-tasks.ts'
import { SocketTopics } from './socket-topics.ts'

export type ProgramSocketInit = Pick<SocketParts, 'agent' | 'caller' | 'running'>

/** Codes of RFC 6455. */
const violation = 1008

export class ProgramSocket {
  readonly #socket: WebSocket
  readonly #caller: GatewayCaller
  readonly #tasks: SocketTasks
  readonly #calls: SocketCalls
  readonly #topics: SocketTopics
  readonly #services: SocketServices
  #heard = true

  constructor(socket: WebSocket, init: ProgramSocketInit) {
    this.#socket = socket
    this.#caller = init.caller
    const send = (message: object) => this.#send(message)
    const parts = { ...init, send, bytes: { held: 0 } }
    this.#tasks = new SocketTasks(parts)
    this.#calls = new SocketCalls(parts, this.#tasks)
    this.#topics = new SocketTopics(parts, this.#tasks)
    this.#services = new SocketServices(parts)
    const watch = setInterval(() => this.#watch(), gatewayDefaults.pingMs)
    socket.on('pong', () => (this.#heard = true))
    // The answer to a ping is sent by then, and counts among what the program has not read.
    socket.on('ping', () => this.#holdBack())
    socket.on('message', (data, isBinary) => {
      this.#heard = true
      this.#read(data as Buffer, isBinary)
      this.#holdBack()
    })
    socket.once('close', () => {
      clearInterval(watch)
      this.#tasks.end()
      this.#services.end()
    })
    // 'close' follows: the program sent what is no WebSocket, or too much.
    socket.on('error', () => undefined)
  }

  #read(data: Buffer, isBinary: boolean): void {
    try {
      this.#caller.mustHold()
      if (isBinary) throw new MeshError('invalid_argument', 'Cannot read the message: it is binary')
      this.#handle(readMessage(data.toString()), data.length)
    } catch (thrown) {
      const error = toMeshError(thrown, 'internal', 'read the message')
      this.#socket.send(JSON.stringify({ error: problemOf(error) }))
      this.#socket.close(violation, error.code)
    }
  }

  #handle(message: Said, size: number): void {
    const { kind, said } = message
    switch (kind) {
      case 'call':
        return this.#calls.call(said)
      case 'stream':
        return this.#calls.stream(said)
      case 'publish':
        return this.#topics.publish(said)
      case 'subscribe':
        return this.#topics.subscribe(said)
      case 'serve':
        return this.#services.serve(said)
      case 'cancel':
        if (!this.#tasks.cancel(said.id)) this.#services.cancel(said.id)
        return
      case 'last':
        return this.#calls.last(said.id)
      case 'message':
        if (said.request !== undefined) return this.#services.message(said.request, said.message, size)
        return said.id === undefined ? undefined : this.#calls.message(said.id, said.message, size)
      default:
        return this.#services.answer(message)
    }
  }

  /**
   * Resolves when it has left this process, or never will: a program that does not read holds back what it is sent.
   * @throws MeshError too_large
   */
  async #send(message: object): Promise<void> {
    if (this.#socket.readyState !== this.#socket.OPEN || !this.#mayGoOn()) return
    const text = JSON.stringify(message)
    if (text.length > gatewayDefaults.bodyBytes)
      throw new MeshError(
        'too_large',
        `Cannot send the message: it is over ${gatewayDefaults.bodyBytes} characters`,
        { hint: 'Use POST /v1/call.' },
      )
    await new Promise<void>(resolve => this.#socket.send(text, () => resolve()))
    this.#goOn()
  }

  /** Reads no more from a program that does not read what it is sent; one that goes on so is silent, and ends. */
  #holdBack(): void {
    if (this.#socket.bufferedAmount > gatewayDefaults.heldBytes) this.#socket.pause()
  }

  #goOn(): void {
    if (this.#socket.isPaused && this.#socket.bufferedAmount <= gatewayDefaults.heldBytes)
      this.#socket.resume()
  }

  /** Closes it once its token no longer holds. */
  #mayGoOn(): boolean {
    try {
      this.#caller.mustHold()
      return true
    } catch {
      this.#socket.close(violation, 'unauthenticated')
      return false
    }
  }

  /** Ends a socket whose program is silent or whose token no longer holds. */
  #watch(): void {
    if (!this.#heard) return this.#socket.terminate()
    this.#heard = false
    if (this.#mayGoOn()) this.#socket.ping(undefined, undefined, () => this.#goOn())
  }
}
