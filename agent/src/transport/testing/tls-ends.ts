/** Both ends of TLS over a TCP connection or a stream: the own encrypter, and the stock one of libp2p. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type {
  ConnectionEncrypter,
  MessageStream,
  MultiaddrConnection,
  PeerId,
  PrivateKey,
  SecuredConnection,
  StreamMuxerFactory,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { vi } from 'vitest'
import { nativeTls } from '../wires/native-tls.ts'

const logger = defaultLogger()
const kinds = { native: nativeTls, stock: tls } as const
export type Kind = keyof typeof kinds

/** A key and an encrypter that offers muxers by these names. */
export async function makeEnd(kind: Kind, muxers = ['/yamux/1.0.0']) {
  const privateKey: PrivateKey = await generateKeyPair('Ed25519')
  const factories = new Map(muxers.map(protocol => [protocol, { protocol } as StreamMuxerFactory]))
  const upgrader = { getStreamMuxers: () => factories } as unknown as Upgrader
  const encrypter: ConnectionEncrypter = kinds[kind]()({ privateKey, logger, upgrader })
  return { encrypter, peerId: peerIdFromPrivateKey(privateKey) }
}

/** Run by {@link stopEnds}, the last first. */
export const stops: (() => unknown)[] = []

/** After each spec. */
export async function stopEnds(): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop()
}

const transport = (): Transport => tcp()({ logger } as Parameters<ReturnType<typeof tcp>>[0])

/** A listener of libp2p's TCP; what it accepted, in order. */
export async function listen() {
  const accepted: MultiaddrConnection[] = []
  const upgradeInbound = async (connection: MultiaddrConnection) => void accepted.push(connection)
  const listener = transport().createListener({ upgrader: { upgradeInbound } as unknown as Upgrader })
  await listener.listen(multiaddr('/ip4/127.0.0.1/tcp/0'))
  stops.push(async () => {
    for (const connection of accepted) connection.abort(new Error('the test is over'))
    await listener.close()
  })
  const [addr] = listener.getAddrs()
  if (addr === undefined) throw new Error('the listener has no address')
  return { addr, accept: () => vi.waitUntil(() => accepted.shift(), 60_000) as Promise<MultiaddrConnection> }
}

/** Both ends of a TCP connection. */
export async function tcpPair(): Promise<[MultiaddrConnection, MultiaddrConnection]> {
  const { addr, accept } = await listen()
  const upgradeOutbound = (connection: MultiaddrConnection) => Promise.resolve(connection)
  const options = { upgrader: { upgradeOutbound } as unknown as Upgrader, signal: AbortSignal.timeout(5_000) }
  const near = (await transport().dial(addr, options)) as unknown as MultiaddrConnection
  stops.push(() => near.abort(new Error('the test is over')))
  return [near, await accept()]
}

export interface Secured {
  near: SecuredConnection
  far: SecuredConnection
  nearRaw: MultiaddrConnection
  farRaw: MultiaddrConnection
  nearId: PeerId
  farId: PeerId
}

/** What TLS runs over: circuits and WebSockets have no socket of their own. */
export const carriers = { socket: tcpPair, stream: async () => multiaddrConnectionPair() } as const
export type Carrier = keyof typeof carriers

export async function secured(nearKind: Kind, farKind: Kind, carrier: Carrier = 'socket'): Promise<Secured> {
  const [nearEnd, farEnd] = [await makeEnd(nearKind), await makeEnd(farKind)]
  const [nearRaw, farRaw] = await carriers[carrier]()
  const [near, far] = await Promise.all([
    nearEnd.encrypter.secureOutbound(nearRaw, { remotePeer: farEnd.peerId }),
    farEnd.encrypter.secureInbound(farRaw),
  ])
  return { near, far, nearRaw, farRaw, nearId: nearEnd.peerId, farId: farEnd.peerId }
}

export const pattern = (bytes: number): Buffer => {
  const buffer = Buffer.allocUnsafe(bytes)
  for (let at = 0; at < bytes; at++) buffer[at] = (at * 31 + (at >> 8)) & 0xff
  return buffer
}

/** Writes it in pieces, as fast as the other end takes it. */
export async function sendAll(stream: MessageStream, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.byteLength; at += 100_000)
    if (!stream.send(data.subarray(at, at + 100_000)))
      await new Promise<void>(resolve => stream.addEventListener('drain', () => resolve(), { once: true }))
}

/** Gathers what arrives. */
export function received(stream: MessageStream): { bytes: () => number; all: () => Buffer } {
  const chunks: Uint8Array[] = []
  let bytes = 0
  stream.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
    chunks.push(data.subarray())
  })
  return { bytes: () => bytes, all: () => Buffer.concat(chunks) }
}
