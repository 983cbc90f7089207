/**
 * WebRTC between two members with a relayed link: libp2p's transport makes the connection, one transport for each attempt, and
 * sees only the parts of the mesh that the attempt needs. The relayed link authenticates the peer: the fingerprint of its DTLS
 * certificate arrived over it.
 */
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { MeshError, type UpgradeSignal } from '@agent-mesh/protocol'
import type { NodeCore } from '../libp2p/node.ts'
import { untilAborted } from '../../core/until-aborted.ts'
import type { Conversation } from './conversation.ts'
import { upgradeDefaults } from './defaults.ts'
import { candidateOf, IceFilter } from './ice.ts'
import { SignallingStream } from './signalling-stream.ts'
import { WebRtcModule } from './webrtc-module.ts'

export interface WebRtcInit {
  core: () => NodeCore
  /** STUN servers, `stun:HOST:PORT`; the library asks one of them. */
  stunServers: () => readonly string[]
}

export interface WebRtcAttempt {
  peerId: string
  conversation: Conversation
  /** Whether packets may be sent to a host that the peer names. */
  mayReach: (host: string) => boolean
}

/** The parts of libp2p's transport that are used here. */
interface RtcTransport {
  start(): Promise<void>
  dial(
    addr: ReturnType<typeof multiaddr>,
    options: { signal: AbortSignal; upgrader: unknown },
  ): Promise<Connection>
}

type OnSignalling = (
  stream: SignallingStream,
  connection: { remoteAddr: unknown; remotePeer: unknown },
) => void

export class WebRtc {
  readonly #stunServers: () => readonly string[]
  readonly #core: () => NodeCore
  readonly #module = new WebRtcModule()

  constructor(init: WebRtcInit) {
    this.#stunServers = init.stunServers
    this.#core = init.core
  }

  get available(): boolean {
    return this.#module.available
  }

  /** The lower peer's part; the connection is not yet a link. @throws MeshError unavailable, unsupported */
  async dial(attempt: WebRtcAttempt, signal: AbortSignal): Promise<Connection> {
    const stun = { servers: this.#stunServers().length, answered: false }
    const stream = this.#signalling(attempt, stun)
    const open = { newStream: () => Promise.resolve(stream) }
    const { transport } = await this.#transport({ connections: [open], signal })
    const addr = multiaddr(`/webrtc/p2p/${attempt.peerId}`)
    try {
      return await transport.dial(addr, { signal, upgrader: this.#core().upgrader })
    } catch (cause) {
      const blocked = stun.servers > 0 && !stun.answered
      const reason = blocked ? 'UDP seems to be blocked (no answer from STUN)' : 'no answer'
      throw new MeshError('unavailable', `Cannot connect by WebRTC: ${reason}`, { cause })
    }
  }

  /** The higher peer's part: waits for the other's offer. Resolves when its outcome is decided, or `signal` ends it. */
  async accept(attempt: WebRtcAttempt, signal: AbortSignal): Promise<void> {
    const offered = Promise.withResolvers<void>()
    const waiting: UpgradeSignal[] = []
    let take: (arrived: UpgradeSignal) => void = arrived => waiting.push(arrived)
    attempt.conversation.onSignal(arrived => {
      take(arrived)
      offered.resolve()
    })
    await untilAborted(offered.promise, signal)
    const ended = Promise.withResolvers<void>()
    const { onSignalling } = await this.#transport({ connections: [], signal, onEnd: ended.resolve })
    const stream = this.#signalling(attempt, { answered: false }, callback => (take = callback))
    onSignalling?.(stream, { remoteAddr: multiaddr(`/p2p/${attempt.peerId}`), remotePeer: attempt.peerId })
    for (const arrived of waiting) take(arrived)
    await ended.promise
  }

  /** After all attempts and links have ended. */
  async stop(): Promise<void> {
    await this.#module.release()
  }

  #signalling(
    { conversation, mayReach }: WebRtcAttempt,
    stun: { answered: boolean },
    subscribe: (callback: (signal: UpgradeSignal) => void) => void = callback =>
      conversation.onSignal(callback),
  ): SignallingStream {
    const filter = new IceFilter(mayReach)
    const stream = new SignallingStream({
      log: this.#core().logger.forComponent('agent-mesh:webrtc'),
      send: signal => {
        if (signal.kind === 'candidate' && fromStun(signal.data)) stun.answered = true
        conversation.send(signal)
      },
    })
    subscribe(signal => {
      const clean = filter.pass(signal)
      if (clean !== undefined) stream.receive(clean)
    })
    return stream
  }

  async #transport(init: {
    /** Where the dialler finds a stream to signal over. */
    connections: readonly unknown[]
    signal: AbortSignal
    onEnd?: () => void
  }): Promise<{ transport: RtcTransport; onSignalling: OnSignalling | undefined }> {
    const webRTC = await this.#module.load()
    const core = this.#core()
    const parts: { onSignalling?: OnSignalling } = {}
    const components = {
      peerId: core.peerId,
      logger: core.logger,
      events: core.events,
      transportManager: core.transportManager,
      connectionManager: { getConnections: () => init.connections },
      registrar: {
        handle: (_protocol: string, handler: OnSignalling) => {
          parts.onSignalling = handler
          return Promise.resolve()
        },
      },
      upgrader: {
        // The attempt's own signal ends it, and its release says that it has ended.
        createInboundAbortSignal: () =>
          Object.assign(AbortSignal.any([init.signal]), { clear: () => init.onEnd?.() }),
        upgradeInbound: core.upgrader.upgradeInbound.bind(core.upgrader),
      },
    }
    const make = webRTC({
      rtcConfiguration: { iceServers: this.#stunServers().map(urls => ({ urls })) },
      dataChannel: { maxBufferedAmount: upgradeDefaults.webrtcBufferBytes },
    })
    const transport = make(components as unknown as Parameters<typeof make>[0]) as unknown as RtcTransport
    await transport.start()
    return { transport, onSignalling: parts.onSignalling }
  }
}

/** Whether an own candidate, as libp2p writes it, came from a STUN server. */
function fromStun(data: string): boolean {
  return / typ srflx/.test(data) || candidateOf(data)?.fromStun === true
}
