/**
 * The state of each connection before streams run on it: new, then with a peer (hello done), then with a link (RPC
 * stream open). A connection that is no link within `helloMs` is aborted; the number of those waiting is bounded.
 */
import type { Connection } from '@libp2p/interface'
import { MeshError, type Peer } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { sourceOfAddr } from '../address.ts'
import { cutOff } from '../libp2p/cut-off.ts'
import type { Link } from './link.ts'

interface AdmissionState {
  peer: PromiseWithResolvers<Peer>
  link: PromiseWithResolvers<Link>
  /** The source that it counts against; undefined when it was dialled here. */
  source: string | undefined
  timer: NodeJS.Timeout
  /** Streams waiting in the guard. */
  waiting: number
  greeted: boolean
  linked: boolean
}

export interface AdmissionsInit {
  helloMs: number
  maxPending: number
  /** Of them incoming ones from one source. */
  maxPerSource: number
  maxWaitingStreams: number
  /** Says that a connection was aborted, and why. */
  onRefused: (peerId: string, reason: MeshError) => void
}

export class Admissions {
  readonly #maxPending: number
  readonly #maxPerSource: number
  readonly #helloMs: number
  readonly #maxWaitingStreams: number
  readonly #onRefused: (peerId: string, reason: MeshError) => void
  readonly #states = new Map<Connection, AdmissionState>()
  /** By source; without those dialled here. */
  readonly #pendingOf = new Map<string, number>()
  #pending = 0

  constructor(init: AdmissionsInit) {
    this.#maxPending = init.maxPending
    this.#maxPerSource = init.maxPerSource
    this.#helloMs = init.helloMs
    this.#maxWaitingStreams = init.maxWaitingStreams
    this.#onRefused = init.onRefused
  }

  /** Whether no more connections of this source may wait for their hello. */
  isFullFor(source: string): boolean {
    return this.#pending >= this.#maxPending || (this.#pendingOf.get(source) ?? 0) >= this.#maxPerSource
  }

  /** Starts the clock of a connection. Idempotent. */
  watch(connection: Connection): void {
    if (this.#states.has(connection) || connection.status !== 'open') return
    const state: AdmissionState = {
      peer: Promise.withResolvers(),
      link: Promise.withResolvers(),
      source: connection.direction === 'inbound' ? sourceOfAddr(connection.remoteAddr.toString()) : undefined,
      timer: setTimeout(() => this.#expire(connection), timerDelay(this.#helloMs)),
      waiting: 0,
      greeted: false,
      linked: false,
    }
    // They may reject while no caller waits.
    state.peer.promise.catch(() => {})
    state.link.promise.catch(() => {})
    this.#states.set(connection, state)
    this.#count(state, 1)
    connection.addEventListener('close', () => this.#forget(connection, state))
  }

  #count({ source }: AdmissionState, change: 1 | -1): void {
    this.#pending += change
    if (source === undefined) return
    const count = (this.#pendingOf.get(source) ?? 0) + change
    if (count > 0) this.#pendingOf.set(source, count)
    else this.#pendingOf.delete(source)
  }

  #expire(connection: Connection): void {
    const peerId = connection.remotePeer.toString()
    const reason = `no hello within ${this.#helloMs} ms`
    // A dialled peer that sends nothing has not refused: the path is broken, or the peer is frozen.
    if (connection.direction === 'outbound')
      cutOff(connection, new MeshError('unavailable', `Cannot connect to ${peerId}: ${reason}`))
    else this.refuse(connection, new MeshError('unauthenticated', `Cannot admit ${peerId}: ${reason}`))
  }

  #forget(connection: Connection, state: AdmissionState): void {
    if (!this.#states.delete(connection)) return
    clearTimeout(state.timer)
    if (!state.linked) this.#count(state, -1)
    const gone = new MeshError('unavailable', 'Cannot use connection: it closed before its hello')
    state.peer.reject(gone)
    state.link.reject(gone)
  }

  #state(connection: Connection): AdmissionState {
    this.watch(connection)
    const state = this.#states.get(connection)
    if (state === undefined) throw new MeshError('unavailable', 'Cannot use connection: it is closed')
    return state
  }

  /** Claims the one hello of a connection. @throws MeshError protocol_error on the second */
  claimHello(connection: Connection): void {
    const state = this.#state(connection)
    if (state.greeted) throw new MeshError('protocol_error', 'Cannot read hello: there was one already')
    state.greeted = true
  }

  admit(connection: Connection, peer: Peer): void {
    this.#state(connection).peer.resolve(peer)
  }

  link(connection: Connection, link: Link): void {
    const state = this.#state(connection)
    if (state.linked)
      throw new MeshError('protocol_error', 'Cannot open RPC stream: the link has one already')
    state.linked = true
    this.#count(state, -1)
    clearTimeout(state.timer)
    state.link.resolve(link)
  }

  /** The peer, once its hello is done. @throws MeshError unavailable, rate_limited */
  peerOf(connection: Connection): Promise<Peer> {
    return this.#wait(connection, state => state.peer.promise)
  }

  /** The link, once it is one. @throws MeshError unavailable, rate_limited */
  linkOf(connection: Connection): Promise<Link> {
    return this.#wait(connection, state => state.link.promise)
  }

  async #wait<T>(connection: Connection, what: (state: AdmissionState) => Promise<T>): Promise<T> {
    const state = this.#state(connection)
    if (state.linked) return what(state)
    if (state.waiting >= this.#maxWaitingStreams)
      throw new MeshError('rate_limited', `Cannot open stream: ${state.waiting} wait for hello already`)
    state.waiting++
    try {
      return await what(state)
    } finally {
      state.waiting--
    }
  }

  /** Ends a connection that is not to become a link. */
  refuse(connection: Connection, reason: MeshError): void {
    this.#onRefused(connection.remotePeer.toString(), reason)
    cutOff(connection, reason)
  }
}
