/**
 * The parts of libp2p that its types hide and this project reads or replaces, by the package that has them. They are all here:
 * hidden-parts.test.ts pins the versions they were read in. Read the parts of a package again before its version changes.
 */
import { MeshError } from '@agent-mesh/protocol'
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type {
  AbortOptions,
  Connection,
  CreateStreamOptions,
  MessageStream,
  PeerId,
  Stream,
  StreamMuxer,
  Transport,
} from '@libp2p/interface'
import type { YamuxStream } from '@libp2p/yamux/stream'
import type { Uint8ArrayList } from 'uint8arraylist'

/** The only cast to parts that a type hides. */
const hidden = <T>(object: unknown): T => object as T

/** `@libp2p/circuit-relay-v2`, transport/reservation-store: what a member holds at relays. */
export interface ReservationStore extends EventTarget {
  reservations: { get(relay: PeerId): { timeout: NodeJS.Timeout } | undefined; delete(relay: PeerId): void }
  addRelay(relay: PeerId, type: 'configured'): Promise<unknown>
  hasReservation(relay: PeerId): boolean
  relayFilter: { has(item: Uint8Array): boolean; add(item: Uint8Array): void }
}

export const reservationStoreOf = (circuit: Transport): ReservationStore =>
  hidden<{ reservationStore: ReservationStore }>(circuit).reservationStore

/** A CONNECT that a relay has read. */
export interface ConnectRequest {
  stream: { unwrap(): Stream }
  request: { peer?: { id: Uint8Array } }
  connection: Connection
}

/** `@libp2p/circuit-relay-v2`, server/index. */
export interface HopServer extends CircuitRelayService {
  handleConnect(request: ConnectRequest, options: AbortOptions): Promise<void>
  stopHop(
    stop: { connection: Connection; request: object },
    options: AbortOptions,
  ): Promise<Stream | undefined>
}

/** @throws MeshError internal when that is not the server known here */
export function hopServerOf(service: CircuitRelayService): HopServer {
  const server = hidden<HopServer>(service)
  if (typeof server.handleConnect === 'function' && typeof server.stopHop === 'function') return server
  throw new MeshError('internal', 'Cannot relay: this version of circuit-relay-v2 is not known')
}

/**
 * `@libp2p/yamux`, stream: when it grants window, also as its reader resumes, how large that is and may grow, how much of it is left, and when it was last
 * granted, unix ms. `state` is a const enum to importers.
 */
export interface GrantingStream {
  sendWindowUpdate: YamuxStream['sendWindowUpdate']
  sendResume: YamuxStream['sendResume']
  readonly state: number
  recvWindow: number
  recvWindowCapacity: number
  maxStreamWindowSize: number
  readonly epochStart: number
}

export const grantingStreamOf = (stream: Stream): GrantingStream => hidden(stream)

/** `@libp2p/yamux`, stream: what moves its data. Its muxer has all its streams in a list. */
export interface FramedStream extends GrantingStream, Stream {
  readonly streamId: number
  sendWindowCapacity: number
  onData(data: Uint8Array): void
}

/** `@libp2p/yamux`, muxer: where frames come in and go out. */
export interface FramingMuxer extends StreamMuxer {
  readonly streams: Stream[]
  onData(data: Uint8Array | Uint8ArrayList): void
  /** Makes a stream, whose first window update it sends in a later microtask. */
  onCreateStream(options: CreateStreamOptions): Stream
  /** @throws Error for a frame that breaks the protocol */
  handleFrame(frame: { header: FrameHeader; data: Uint8ArrayList }): void
  /** @returns false: all streams wait for a drain */
  send(data: Uint8Array | Uint8ArrayList): boolean
}

/** `@libp2p/yamux`, frame. */
export interface FrameHeader {
  readonly type: number
  readonly flag: number
  readonly streamID: number
  readonly length: number
}

export const framedStreamOf = (stream: Stream): FramedStream => hidden(stream)
export const framingMuxerOf = (muxer: StreamMuxer): FramingMuxer => hidden(muxer)

/** Values of `StreamState` of `@libp2p/yamux`. */
export const yamuxState = { synSent: 1, established: 3, finished: 4 } as const

/** `@libp2p/yamux`, muxer: the round trip by its last ping, ms; -1 before the first. Its streams ask for it when they are made. */
export interface MeasuringMuxer {
  getRTT(): number
  ping(): Promise<number>
}

export const measuringMuxerOf = (muxer: StreamMuxer): MeasuringMuxer => hidden(muxer)

/** `libp2p`, connection: what the connection runs over. */
export const rawConnectionOf = (connection: Connection): object =>
  hidden<{ maConn: object }>(connection).maConn

/** `libp2p`, connection: what its streams run over. */
export const muxerOf = (connection: Connection): StreamMuxer =>
  hidden<{ muxer: StreamMuxer }>(connection).muxer

/** `@libp2p/identify`: identifies one connection on demand. */
export interface Identifier {
  identify(connection: Connection, options: AbortOptions): Promise<unknown>
}

export const identifierOf = (service: unknown): Identifier => hidden(service)

/** `@libp2p/utils`, abstract-message-stream: what waits to be read and to be sent. */
export interface Flow {
  readonly readStatus: Stream['readStatus']
  readonly remoteWriteStatus: Stream['remoteWriteStatus']
  readonly readBuffer: Uint8ArrayList
  readonly writeStatus: Stream['writeStatus']
  readonly writableNeedsDrain: boolean
  readonly sendingData: boolean
  readonly writeBuffer: Uint8ArrayList
}

export const flowOf = (stream: MessageStream): Flow => hidden(stream)

/** `@libp2p/utils`, abstract-message-stream: all connections and streams are such. */
export const readStatusOf = (stream: MessageStream): Stream['readStatus'] => hidden<Stream>(stream).readStatus
