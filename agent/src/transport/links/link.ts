/**
 * A link: one admitted connection to a peer, with one long-lived RPC stream. A session is all links to one peer. What
 * a link needs of the network comes in through {@link LinkIo}, so this file knows no libp2p.
 */
import type { Duplex } from 'node:stream'
import type { MeshError, Peer } from '@agent-mesh/protocol'
import type { ByteGate } from '../../core/byte-gate.ts'
import { pathOf, relayOf, type Path } from '../address.ts'
import type { ByteStream } from '../libp2p/byte-stream.ts'

export interface LinkIo {
  openStream(protocol: string, options: { signal?: AbortSignal }): Promise<ByteStream>
  openDuplex(protocol: string, options: { signal?: AbortSignal }): Promise<Duplex>
  /** Open streams besides the RPC stream: circuits, map sync. */
  otherStreams(): number
  /** Streams that this connection carries and that cannot move to another: circuits, as an end of them or as the relay, and pipes. */
  carried(): number
  close(): Promise<void>
  abort(error: Error): void
}

export interface LinkInit {
  id: string
  peer: Peer
  remoteAddr: string
  /** Peer id of the end that dialled. */
  dialler: string
  /** Milliseconds of the transport's clock. */
  openedAt: number
  /** Round trip of the hello, milliseconds; includes two signature checks at the far end. */
  rttMs: number | undefined
  stream: ByteStream
  io: LinkIo
}

export type LinkState = 'up' | 'retiring' | 'down'

export class Link {
  readonly id: string
  readonly peer: Peer
  readonly path: Path
  /** The relay a `relay` link goes through. */
  readonly relayId: string | undefined
  readonly remoteAddr: string
  readonly dialler: string
  readonly openedAt: number
  /** The stream of `/agent-mesh/rpc/1.0.0`, the same one at both ends. */
  readonly stream: ByteStream
  /** Last known round trip, milliseconds. */
  rttMs: number | undefined
  /** When bytes last moved on the RPC stream, milliseconds of the transport's clock. */
  lastUsed: number
  /** Whether the caller of its dial had given up before it came up, and no work was sent on it since. */
  unasked = false
  /** Resolves when the link is down, with the reason if there was one. */
  readonly closed: Promise<Error | undefined>
  readonly #io: LinkIo
  readonly #resolveClosed: (reason: Error | undefined) => void
  readonly #work: (() => boolean)[] = []
  #makePace: (() => ByteGate) | undefined
  #pace: ByteGate | undefined
  #pins = 0
  #state: LinkState = 'up'
  #suspect = false
  #displaced = false
  #parted = false

  constructor(init: LinkInit) {
    this.id = init.id
    this.peer = init.peer
    this.path = pathOf(init.remoteAddr)
    this.relayId = relayOf(init.remoteAddr)
    this.remoteAddr = init.remoteAddr
    this.dialler = init.dialler
    this.openedAt = init.openedAt
    this.lastUsed = init.openedAt
    this.rttMs = init.rttMs
    this.stream = init.stream
    this.#io = init.io
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    this.closed = promise
    this.#resolveClosed = resolve
  }

  get state(): LinkState {
    return this.#state
  }

  /** Whether the peer has been silent for so long that new work takes another link; {@link LinkTable.suspect} says so. */
  get suspect(): boolean {
    return this.#suspect
  }

  /** Whether the relay it goes through leaves: it takes new work until another link stands, and none when one does. */
  get displaced(): boolean {
    return this.#displaced
  }

  /** Whether its end was no surprise: this side ended it, or one of the two took no new work on it before. */
  get parted(): boolean {
    return this.#parted
  }

  /** Keeps the link from being closed for idleness or room. @returns releases it, once */
  pin(): () => void {
    this.#pins++
    let held = true
    return () => {
      if (held) this.#pins--
      held = false
    }
  }

  get pinned(): boolean {
    return this.#pins > 0
  }

  /** Adds a check made before the link is closed: whether work is in flight. */
  watchWork(hasWork: () => boolean): void {
    this.#work.push(hasWork)
  }

  /** Whether work is on it that closing would end. */
  get busy(): boolean {
    return this.#io.otherStreams() > 0 || this.#work.some(hasWork => hasWork())
  }

  /** From now on pipes of this link send as much as this allows. */
  paceBy(make: () => ByteGate): void {
    this.#makePace = make
  }

  /** Bounds what all pipes of this link send; undefined: nothing does. */
  get pace(): ByteGate | undefined {
    return (this.#pace ??= this.#makePace?.())
  }

  /** What ends with this link: pipes, and circuits of its two members through it, when one of them is a relay. */
  get carried(): number {
    return this.#io.carried()
  }

  /** Opens a stream of its own for a long-lived protocol. @throws MeshError unavailable, unsupported, cancelled */
  openStream(protocol: string, options: { signal?: AbortSignal } = {}): Promise<ByteStream> {
    return this.#io.openStream(protocol, options)
  }

  /** As {@link openStream}, for raw bytes: half-close and back pressure both ways. */
  openDuplex(protocol: string, options: { signal?: AbortSignal } = {}): Promise<Duplex> {
    this.unasked = false
    return this.#io.openDuplex(protocol, options)
  }

  /** Ends the link gracefully, within a second. Idempotent. */
  async close(): Promise<void> {
    this.#parted = true
    await this.#io.close()
    this.markDown(undefined)
  }

  /** Ends the link at once. Idempotent. */
  abort(error: MeshError): void {
    this.#parted = true
    this.#io.abort(error)
    this.markDown(error)
  }

  /** For the link table: new calls go elsewhere, running ones finish. */
  markRetiring(): void {
    if (this.#state !== 'up') return
    this.#state = 'retiring'
    this.#parted = true
  }

  /** For the link table: its relay leaves. */
  markDisplaced(): void {
    this.#displaced = true
  }

  /** For the link table: the peer is silent, or sent again. @returns whether that is new */
  markSuspect(suspect: boolean): boolean {
    const news = this.#suspect !== suspect && this.#state !== 'down'
    if (news) this.#suspect = suspect
    return news
  }

  /** For the connection's owner: it has closed. */
  markDown(reason: Error | undefined): void {
    if (this.#state === 'down') return
    this.#state = 'down'
    this.#resolveClosed(reason)
  }
}
