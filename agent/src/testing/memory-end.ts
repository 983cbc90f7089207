/** One end of a link of a test mesh: the engine of its calls, and the streams and pipes beside it. */
import type { Duplex } from 'node:stream'
import { MeshError, type Subject } from '@agent-mesh/protocol'
import type { ByteStream } from '../core/byte-stream.ts'
import {
  memoryStreams,
  rpcLink,
  type BodyExchange,
  type OnRequest,
  type RpcLink,
  type TimerWheel,
  type TurnQueue,
} from '../rpc/index.ts'
import type { Deliver } from '../rpc/memory-stream.ts'
import type { TopicLink } from '../topics/topic-network.ts'
import { memoryDuplexes } from './memory-duplex.ts'

/** Takes a pipe that a member opened, over its link. */
export type TakePipe = (pipe: Duplex, link: { readonly peer: { readonly credential: Subject } }) => void

/** A member, as far as its links need it. */
export interface LinkedMember {
  readonly name: string
  readonly subject: Subject
  readonly turns: TurnQueue
  /** Bodies over the limit of a frame. */
  readonly bodies: BodyExchange
  /** What it serves a caller with. */
  readonly handlerFor: (caller: Subject) => OnRequest
  readonly takePipe: TakePipe
  /** A member opened a stream of topics to it. */
  readonly takeTopics: (stream: ByteStream, from: Subject) => void
  /** Why it takes no new links. @default it takes them */
  readonly refusal: 'stopping' | 'killed' | undefined
}

export interface MemoryEndInit {
  readonly stream: ByteStream
  readonly self: LinkedMember
  readonly peer: LinkedMember
  readonly wheel: TimerWheel
  readonly deliver: Deliver
}

export class MemoryEnd implements TopicLink {
  readonly rpc: RpcLink
  /** How the peer sees it. */
  readonly #seen: Parameters<TakePipe>[1]
  readonly #init: MemoryEndInit
  readonly #pipes = new Set<Duplex>()
  readonly #streams = new Set<ByteStream>()

  constructor(init: MemoryEndInit) {
    this.#init = init
    this.#seen = { peer: { credential: init.self.subject } }
    const { stream, self, peer, wheel } = init
    const bodies = self.bodies.carrier(peer.subject.sub, () => this.openDuplex())
    const onRequest = self.handlerFor(peer.subject)
    this.rpc = rpcLink({ stream, wheel, turns: self.turns, bodies, onRequest })
  }

  get state(): 'up' | 'down' {
    return this.rpc.usable ? 'up' : 'down'
  }

  async openStream(): Promise<ByteStream> {
    const { self, peer, deliver } = this.#opening()
    const [near, far] = memoryStreams(deliver)
    this.#streams.add(near)
    peer.takeTopics(far, self.subject)
    return near
  }

  async openDuplex(): Promise<Duplex> {
    const { peer, deliver } = this.#opening()
    const [near, far] = memoryDuplexes(deliver)
    this.#pipes.add(near)
    near.once('close', () => this.#pipes.delete(near))
    peer.takePipe(far, this.#seen)
    return near
  }

  /** Ends it after what was sent; what is beside the calls ends at once. */
  close(): void {
    this.rpc.close()
    this.#endOthers(new MeshError('path_lost', 'Cannot keep the link: it is closed'))
  }

  abort(error: MeshError): void {
    this.rpc.abort(error)
    this.#endOthers(error)
  }

  #opening(): MemoryEndInit {
    if (this.rpc.usable) return this.#init
    throw new MeshError('unavailable', `Cannot open a stream to ${this.#init.peer.name}: the link is closed`)
  }

  #endOthers(error: MeshError): void {
    for (const pipe of this.#pipes) pipe.destroy(error)
    for (const stream of this.#streams) stream.abort(error)
    this.#streams.clear()
  }
}
