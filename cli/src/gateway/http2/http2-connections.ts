import {
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from 'node:http2'
import type { Socket } from 'node:net'

import { gatherPieces } from '../../local/gather-pieces.ts'
import { endOnceAnswered } from '../../local/after-reply.ts'
import { gatewayDefaults } from '../defaults.ts'

type Answer = (request: Http2ServerRequest, response: Http2ServerResponse) => void

interface Connection {
  readonly socket: Socket
  /** Requests in flight. */
  open: number
  /** Ends it. */
  resting: NodeJS.Timeout | undefined
}

/** Connections of HTTP/2 clients, within the limits of all connections of the gateway. */
export class Http2Connections {
  /** It does not listen. */
  readonly #server: Http2Server
  readonly #connections = new Map<Http2Session, Connection>()

  constructor(answer: Answer) {
    const { requestsOfToken, headBytes, http2Bytes } = gatewayDefaults
    this.#server = createServer({
      settings: { maxConcurrentStreams: requestsOfToken, maxHeaderListSize: headBytes },
      // In MB. With the 10 that it has by default, new requests are reset while ten replies of 1 MB wait for their client.
      maxSessionMemory: Math.ceil(http2Bytes / 1e6),
    })
    // What is no HTTP/2: the connection has ended.
    this.#server.on('sessionError', () => undefined)
    this.#server.on('request', (request, response) => {
      // What waits for the reader of the request, and of what waits behind that in its stream.
      gatherPieces(request)
      gatherPieces(request.stream)
      this.#count(request)
      // Under the name by which checks know it.
      request.headers.host = request.authority
      answer(request, response)
    })
  }

  add(socket: Socket): void {
    if (socket.destroyed) return
    // Sockets of HTTP/1.1 stay open when their client has ended its half.
    socket.allowHalfOpen = false
    // Emitted before the next line ends.
    this.#server.once('session', session => this.#watch(session, socket))
    this.#server.emit('connection', socket)
  }

  /** Requests in flight end, others are refused. */
  refuse(): void {
    for (const session of this.#connections.keys()) session.close()
  }

  end(): void {
    for (const { socket } of this.#connections.values()) socket.destroy()
  }

  #watch(session: Http2Session, socket: Socket): void {
    const connection: Connection = { socket, open: 0, resting: undefined }
    rest(connection)
    this.#connections.set(session, connection)
    socket.once('close', () => {
      clearTimeout(connection.resting)
      this.#connections.delete(session)
    })
  }

  #count({ stream }: Http2ServerRequest): void {
    endOnceAnswered(stream)
    const connection = stream.session && this.#connections.get(stream.session)
    if (connection === undefined) return
    connection.open++
    clearTimeout(connection.resting)
    stream.once('close', () => {
      if (--connection.open === 0 && !connection.socket.destroyed) rest(connection)
    })
  }
}

/** A connection without a request ends, whatever else its client sends. */
function rest(connection: Connection): void {
  connection.resting = setTimeout(() => connection.socket.destroy(), gatewayDefaults.idleMs)
}
