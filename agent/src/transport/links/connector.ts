/**
 * Makes links out of connections. Both ends make the same link: the dialler opens the hello stream and the RPC
 * stream at once; the callee answers the hello and takes the RPC stream, which the guard held back until then.
 */
import type { Connection, Stream } from '@libp2p/interface'
import {
  helloProtocol,
  MeshError,
  pipeProtocol,
  rpcProtocol,
  toMeshError,
  type Peer,
} from '@agent-mesh/protocol'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import type { ByteGate } from '../../core/byte-gate.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { Admissions } from './admissions.ts'
import { byteStreamOf } from '../libp2p/byte-stream.ts'
import { cutOff } from '../libp2p/cut-off.ts'
import { duplexOf } from '../libp2p/duplex.ts'
import { muxerOf } from '../libp2p/hidden-parts.ts'
import { trustFrames } from '../libp2p/lean-yamux.ts'
import { transportDefaults } from '../defaults.ts'
import { answer, greet, type HelloPorts } from '../hello.ts'
import { GivenUpGreetings } from './given-up-greetings.ts'
import type { LinkTable } from './link-table.ts'
import { Link } from './link.ts'

export interface ConnectorInit {
  self: string
  ports: HelloPorts
  admissions: Admissions
  links: LinkTable
  helloMs: number
  /** Monotonic milliseconds. */
  now: () => number
  /** Called with the address at which a peer sees this member. */
  onObserved: (connection: Connection, peer: Peer, observed: string) => void
  /** A connection became a link. */
  onLink: (connection: Connection) => void
}

export class Connector {
  readonly #admissions: Admissions
  readonly #ports: HelloPorts
  readonly #self: string
  readonly #onObserved: (connection: Connection, peer: Peer, observed: string) => void
  readonly #helloMs: number
  readonly #now: () => number
  readonly #links: LinkTable
  readonly #onLink: (connection: Connection) => void
  readonly #givenUp = new GivenUpGreetings()

  constructor(init: ConnectorInit) {
    this.#admissions = init.admissions
    this.#ports = init.ports
    this.#self = init.self
    this.#onObserved = init.onObserved
    this.#helloMs = init.helloMs
    this.#now = init.now
    this.#links = init.links
    this.#onLink = init.onLink
  }

  /**
   * The dialler's part. Ends the connection when it fails. A caller that gives up after the hello was sent ends nothing: the peer may have
   * its link by then, and calls on it. The link then comes up here, too, and ends as others do that are not needed.
   * @throws MeshError
   */
  async dialled(connection: Connection, signal: AbortSignal): Promise<Link> {
    const [hello, rpc] = await this.#orCutOff(connection, async () => {
      signal.throwIfAborted()
      this.#admissions.watch(connection)
      this.#admissions.claimHello(connection)
      const options = { signal, runOnLimitedConnection: true }
      const streams = await Promise.all([
        connection.newStream(helloProtocol, options),
        connection.newStream(rpcProtocol, options),
      ])
      signal.throwIfAborted()
      return streams
    })
    const greeted = this.#orCutOff(connection, () => this.#greeted(connection, hello, rpc, signal))
    try {
      return await untilAborted(greeted, signal)
    } catch (error) {
      if (signal.aborted) this.#givenUp.add(connection, greeted)
      throw toMeshError(error, 'unavailable', `connect to ${connection.remotePeer.toString()}`)
    }
  }

  /** @param asked aborted when its caller gives up */
  async #greeted(connection: Connection, hello: Stream, rpc: Stream, asked: AbortSignal): Promise<Link> {
    const signal = timeoutSignal(this.#helloMs)
    const { peer, rttMs, observed } = await greet(
      hello,
      connection.remotePeer.toString(),
      this.#ports,
      signal,
    )
    this.#admissions.admit(connection, peer)
    if (observed !== undefined) this.#onObserved(connection, peer, observed)
    const link = this.#link(connection, rpc, peer, this.#self, rttMs)
    // At once: a later caller may send on it as soon as it is up.
    link.unasked = asked.aborted
    void ended(hello, signal)
    return link
  }

  async #orCutOff<T>(connection: Connection, step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (error) {
      const reason = toMeshError(error, 'unavailable', `connect to ${connection.remotePeer.toString()}`)
      cutOff(connection, reason)
      throw reason
    }
  }

  /** Ends what no caller waits for any more. */
  stop(): void {
    this.#givenUp.stop()
  }

  /** Handler of the hello protocol. */
  readonly onHello = async (stream: Stream, connection: Connection): Promise<void> => {
    const signal = timeoutSignal(this.#helloMs)
    try {
      if (connection.direction !== 'inbound')
        throw new MeshError('protocol_error', 'Cannot read hello: only the dialler sends one')
      this.#admissions.claimHello(connection)
      const dialler = {
        peerId: connection.remotePeer.toString(),
        remoteAddr: connection.remoteAddr.toString(),
      }
      this.#admissions.admit(connection, await answer(stream, dialler, this.#ports, signal))
      await ended(stream, signal)
    } catch (error) {
      const reason = toMeshError(error, 'unavailable', 'read hello')
      if (reason.code === 'unavailable') cutOff(connection, reason)
      else await this.#turnAway(connection, reason)
    }
  }

  /** Lets the refused peer read the reason and close (libp2p loses unsent data at a close); a peer that does not close is disconnected. */
  async #turnAway(connection: Connection, reason: MeshError): Promise<void> {
    if (connection.status === 'open') {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, transportDefaults.closeMs)
      connection.addEventListener('close', () => resolve(), { once: true })
      await promise
      clearTimeout(timer)
    }
    this.#admissions.refuse(connection, reason)
  }

  /** Handler of the RPC protocol: with it the callee's link is up. */
  readonly onRpc = async (stream: Stream, connection: Connection): Promise<void> => {
    try {
      if (connection.direction !== 'inbound')
        throw new MeshError('protocol_error', 'Cannot open RPC stream: only the dialler opens it')
      const peer = await this.#admissions.peerOf(connection)
      this.#link(connection, stream, peer, peer.peerId, undefined)
    } catch (error) {
      stream.abort(toMeshError(error, 'protocol_error', 'open RPC stream'))
    }
  }

  #link(connection: Connection, rpc: Stream, peer: Peer, dialler: string, rttMs: number | undefined): Link {
    const touch = () => void (link.lastUsed = this.#now())
    const link: Link = new Link({
      id: connection.id,
      peer,
      remoteAddr: connection.remoteAddr.toString(),
      dialler,
      openedAt: this.#now(),
      rttMs,
      stream: byteStreamOf(rpc, touch),
      io: linkIo(connection, rpc, { onActivity: touch, pace: () => link.pace }),
    })
    this.#admissions.link(connection, link)
    connection.addEventListener('close', ({ error }) => link.markDown(error))
    rpc.addEventListener('close', () => {
      // A link needs its RPC stream: without it the connection ends, too. Deferred, because the connection's own end
      // closes the stream first.
      queueMicrotask(() => {
        if (connection.status === 'open') cutOff(connection, new MeshError('path_lost', 'RPC stream closed'))
      })
    })
    try {
      this.#links.add(link)
    } catch (error) {
      const reason = toMeshError(error, 'too_many_links', `link to ${peer.peerId}`)
      link.abort(reason)
      throw reason
    }
    this.#onLink(connection)
    // Last: what was held may end the stream or the connection at once, which all the above hears of.
    trustFrames(muxerOf(connection))
    return link
  }
}

/** Closes a stream of hello. One that does not close ends alone: the link is up, at the other end at least. */
async function ended(hello: Stream, signal: AbortSignal): Promise<void> {
  await hello
    .close({ signal })
    .catch((error: unknown) => hello.abort(toMeshError(error, 'unavailable', 'end hello')))
}

/** Of libp2p, `hop` at the end that dials and `stop` at the other: a reservation opens one for a moment. */
const circuitProtocol = '/libp2p/circuit/relay/'

/** Whether a stream of this protocol ends with its connection, though what it is for goes on. */
const isCarried = (protocol: string): boolean =>
  protocol === pipeProtocol || protocol.startsWith(circuitProtocol)

function linkIo(
  connection: Connection,
  rpc: Stream,
  { onActivity, pace }: { onActivity: () => void; pace: () => ByteGate | undefined },
) {
  const open = async (protocol: string, options: { signal?: AbortSignal }): Promise<Stream> => {
    const limit = AbortSignal.timeout(transportDefaults.connectMs)
    const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit])
    try {
      return await connection.newStream(protocol, { signal, runOnLimitedConnection: true })
    } catch (error) {
      const unknown = error instanceof Error && error.name === 'UnsupportedProtocolError'
      throw toMeshError(error, unknown ? 'unsupported' : 'unavailable', `open ${protocol}`)
    }
  }
  const close = async () => {
    try {
      await connection.close({ signal: AbortSignal.timeout(transportDefaults.closeMs) })
    } catch (error) {
      cutOff(connection, toMeshError(error, 'unavailable', 'close connection'))
    }
  }
  return {
    openStream: async (protocol: string, options: { signal?: AbortSignal }) =>
      byteStreamOf(await open(protocol, options)),
    openDuplex: async (protocol: string, options: { signal?: AbortSignal }) =>
      duplexOf(await open(protocol, options), { onActivity, pace: pace() }),
    otherStreams: () => connection.streams.reduce((count, stream) => count + Number(stream !== rpc), 0),
    carried: () => connection.streams.reduce((count, { protocol }) => count + Number(isCarried(protocol)), 0),
    close,
    abort: (error: Error) => cutOff(connection, error),
  }
}
