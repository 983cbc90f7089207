/**
 * `/tls/1.0.0` of libp2p, unchanged on the wire, with Node's TLS directly on the TCP socket. The stock encrypter runs TLS
 * over a JavaScript stream: each record crosses into JavaScript and back twice, and takes a turn of the event loop. Without
 * a TCP socket of its own (circuits, WebSocket) TLS makes the handshake over a JavaScript stream, and sealed records follow
 * where both ends know them (`sealed/`). The stock encrypter also makes a certificate for each connection, and verifies the
 * peer's each time: both are done once here.
 * https://github.com/libp2p/specs/blob/master/tls/tls.md
 */
import { Socket } from 'node:net'
import { connect, TLSSocket, type SecureContext } from 'node:tls'
import type {
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
  StreamMuxerFactory,
} from '@libp2p/interface'
import type { tls } from '@libp2p/tls'
import { NativeTlsStream, type SocketConnection } from './native-tls-stream.ts'
import { OwnCertificate } from './own-certificate.ts'
import { PeerCertificates } from './peer-certificates.ts'
import { connectionKeys } from './sealed/record-keys.ts'
import { firstRecordBytes, recordBytes } from './sealed/record-reader.ts'
import { SealedStream } from './sealed/sealed-stream.ts'
import { TlsCarrier } from './sealed/tls-carrier.ts'

type Components = Parameters<ReturnType<typeof tls>>[0]
type TlsOverStreams = typeof import('@libp2p/tls/utils')

const protocol = '/tls/1.0.0'

/** Stands for "no early choice of a muxer" in the list of those offered. */
const noMuxer = 'libp2p'

/** Before the name of a muxer in that list: it runs over sealed records, not over TLS. The newest first; bytes of a record. */
const sealedVersions = [
  { prefix: '/agent-mesh/sealed/1.1.0', mostBytes: recordBytes },
  { prefix: '/agent-mesh/sealed/1.0.0', mostBytes: firstRecordBytes },
] as const

/** Of the process: what a certificate proves is the same for all members in it. */
const peerCertificates = new PeerCertificates()

export const nativeTls =
  () =>
  (components: Components): ConnectionEncrypter => {
    const native = new NativeTls(components)
    return {
      protocol,
      secureInbound: (connection, options) => native.secure(connection, true, options),
      secureOutbound: (connection, options) => native.secure(connection, false, options),
    }
  }

class NativeTls {
  readonly #components: Components
  readonly #certificate: OwnCertificate

  constructor(components: Components) {
    this.#components = components
    this.#certificate = new OwnCertificate(components.privateKey)
  }

  async secure(
    connection: MessageStream,
    isServer: boolean,
    options: SecureConnectionOptions = {},
  ): Promise<SecuredConnection> {
    const muxers = options.skipStreamMuxerNegotiation === true ? [] : this.#muxers()
    try {
      const secureContext = await this.#certificate.context()
      options.signal?.throwIfAborted()
      const taken = hasSocket(connection) ? takeSocket(connection) : takeStream(connection)
      const socket = secureOver(taken.raw, isServer, secureContext, muxers)
      const wrap = taken.over(socket, isServer)
      await handshake(socket, connection, options.signal)
      const certificate = socket.getPeerX509Certificate()
      if (certificate === undefined) throw new Error('the peer showed no certificate')
      const remotePeer = await peerCertificates.peerOf(certificate, options.remotePeer)
      const streamMuxer = chosen(socket, muxers)
      return { remotePeer, connection: await wrap(), ...(streamMuxer === undefined ? {} : { streamMuxer }) }
    } catch (error) {
      connection.abort(error as Error)
      throw error
    }
  }

  #muxers(): StreamMuxerFactory[] {
    return [...this.#components.upgrader.getStreamMuxers().values()]
  }
}

/** What TLS runs over, taken from a connection. */
interface Taken {
  readonly raw: Socket | TlsCarrier
  /** TLS runs over it: binds their ends together. @returns makes the stream of what is secured, after the handshake */
  over(socket: TLSSocket, isServer: boolean): () => MessageStream | Promise<MessageStream>
}

/** From here on the socket belongs to TLS; nothing may wait between the last look at its buffers and TLS. */
function takeSocket(connection: SocketConnection): Taken {
  const raw = releaseSocket(connection)
  return {
    raw,
    over: socket => {
      endTogether(raw, socket)
      return () => new NativeTlsStream(connection, socket)
    },
  }
}

/** A circuit or a WebSocket. */
function takeStream(connection: MessageStream): Taken {
  const raw = new TlsCarrier(connection)
  return {
    raw,
    over: (socket, isServer) => {
      raw.on('error', error => socket.destroy(error))
      return async () => {
        const sealed = sealedBy(socket)
        if (sealed === undefined) return tlsOverStream(connection, raw, socket)
        if (!isServer) await flushed(socket)
        const keys = connectionKeys(socket, isServer)
        const arrived = raw.release()
        socket.destroy()
        return new SealedStream(connection, keys, arrived, sealed.mostBytes)
      }
    },
  }
}

/**
 * Resolves when the dialler's last message of the handshake was sent: TLS says that it is over before. The listener ignores
 * the byte that follows it.
 */
async function flushed(socket: TLSSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const closed = () => reject(new Error('the connection closed at the end of the TLS handshake'))
  socket.once('close', closed)
  socket.write(Buffer.alloc(1), error => (error ? reject(error) : resolve()))
  await promise
  socket.off('close', closed)
}

/** With a peer that knows no sealed records. Loaded on demand: other agents do not need its libraries. */
async function tlsOverStream(
  connection: MessageStream,
  raw: TlsCarrier,
  socket: TLSSocket,
): Promise<MessageStream> {
  // Its ASN.1 libraries need it in place before they are loaded; bundlers keep no such order.
  await import('reflect-metadata')
  const { toMessageStream }: TlsOverStreams = await import('@libp2p/tls/utils')
  raw.carryOn()
  return toMessageStream(connection, socket)
}

function secureOver(
  raw: Socket | TlsCarrier,
  isServer: boolean,
  secureContext: SecureContext,
  muxers: readonly StreamMuxerFactory[],
): TLSSocket {
  const names = muxers.map(({ protocol }) => protocol)
  const versions = raw instanceof TlsCarrier ? sealedVersions : []
  const sealed = versions.flatMap(({ prefix }) => names.map(name => prefix + name))
  const offered = [...sealed, ...names, noMuxer]
  // Self-signed certificates are the rule: what counts is their extension, checked after the handshake.
  const bounds = raw instanceof Socket ? { highWaterMark: socketBytes } : {}
  const common = { secureContext, rejectUnauthorized: false, ...bounds }
  if (!isServer) return connect({ ...common, socket: raw, ALPNProtocols: offered })
  return new TLSSocket(raw, {
    ...common,
    isServer: true,
    requestCert: true,
    // The dialler's order counts. Nothing in common: the handshake fails.
    ALPNCallback: ({ protocols }) => protocols.find(protocol => offered.includes(protocol)),
  })
}

/**
 * Code that destroys the TCP socket (a reset, a timeout, the listener when it closes) destroys TLS first, which then takes
 * the socket with it. The other way round TLS uses a freed handle, and the process crashes (Node 24.21).
 */
function endTogether(raw: Socket, secured: TLSSocket): void {
  const destroy = raw.destroy.bind(raw)
  raw.destroy = error => {
    if (secured.destroyed) return destroy(error)
    secured.destroy(error)
    return raw
  }
  // Once TLS has ended its side the system may be shutting the socket down, and a reset then fails with EINVAL: Node takes
  // the handle for closed, and its descriptor stays open until the process ends (Node 24.21).
  const reset = raw.resetAndDestroy.bind(raw)
  raw.resetAndDestroy = () => (secured.writableEnded ? raw.destroy() : reset())
}

/** Bytes that wait in a socket before writers have to wait: a yamux window of the default size. */
const socketBytes = 256 * 1024

/** Whether TLS can have the socket: plain TCP, alive, and with no write of ours still queued in JavaScript. */
function hasSocket(connection: MessageStream): connection is SocketConnection {
  const { socket } = connection as Partial<SocketConnection>
  if (!(socket instanceof Socket) || socket instanceof TLSSocket || socket.destroyed) return false
  return socket.writableLength === 0 && connection.writeBufferLength === 0
}

/** Takes the socket from its connection. Bytes that came with the negotiation of TLS go back to be read first. */
function releaseSocket(connection: SocketConnection): Socket {
  const { socket, readBuffer } = connection
  if (socket.destroyed) throw new Error('the connection closed before the TLS handshake')
  socket.removeAllListeners('data')
  socket.removeAllListeners('drain')
  socket.pause()
  if (readBuffer.byteLength > 0) {
    socket.unshift(readBuffer.subarray())
    readBuffer.consume(readBuffer.byteLength)
  }
  return socket
}

/** Resolves when both sides have shown that they hold their keys. Errors of the socket end the connection, then too. */
async function handshake(
  socket: TLSSocket,
  connection: MessageStream,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const closed = () => reject(new Error('the connection closed during the TLS handshake'))
  const stop = () => reject(signal?.reason)
  socket.on('error', error => {
    reject(error)
    connection.abort(error)
  })
  socket.once('secure', resolve)
  socket.once('close', closed)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await promise
  } finally {
    socket.off('close', closed)
    signal?.removeEventListener('abort', stop)
  }
}

/** The sealed records that the handshake agreed on in place of those of TLS. */
const sealedBy = ({ alpnProtocol }: TLSSocket): (typeof sealedVersions)[number] | undefined =>
  typeof alpnProtocol === 'string'
    ? sealedVersions.find(({ prefix }) => alpnProtocol.startsWith(prefix))
    : undefined

/** The muxer that the handshake agreed on; undefined: it is negotiated after TLS. */
function chosen(socket: TLSSocket, muxers: readonly StreamMuxerFactory[]): StreamMuxerFactory | undefined {
  const { alpnProtocol } = socket
  if (typeof alpnProtocol !== 'string' || alpnProtocol === noMuxer) return undefined
  const name = alpnProtocol.slice(sealedBy(socket)?.prefix.length ?? 0)
  const muxer = muxers.find(({ protocol }) => protocol === name)
  if (muxer === undefined) throw new Error(`the peer chose the muxer ${name}, which was not offered`)
  return muxer
}
