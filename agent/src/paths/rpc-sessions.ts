/** The calls of each link: one RPC engine per link, from the moment it is up until it is closed. */
import type { MeshError, Subject } from '@agent-mesh/protocol'
import { linkFeatures } from '@agent-mesh/protocol/wire/index'
import { setTimeout as delay } from 'node:timers/promises'
import { Compression, rpcLink } from '../rpc/index.ts'
import type { BodyCarrier, ByteBudget, OnRequest, RpcLink, TimerWheel, TurnQueue } from '../rpc/index.ts'
import { PipePace } from '../rpc/pipes/pipe-pace.ts'
import { Listeners } from '../core/listeners.ts'
import type { Link } from '../transport/links/link.ts'
import { pathDefaults } from './defaults.ts'

export interface RpcSessionsInit {
  wheel: TimerWheel
  turns: TurnQueue
  /** Bytes that wait on all links. @default each link counts alone */
  budget?: ByteBudget
  /** Bytes of the windows of streams, of all links of the process. */
  streamBudget?: ByteBudget
  /** Carries bodies over the limit of a frame. @default they are refused */
  bodies?: ((link: Link) => BodyCarrier) | undefined
  /** What a link to this member serves with. */
  handlerFor: (caller: Subject) => OnRequest
  /** More bits of `linkFeatures` that each link announces. @default none */
  features?: number
  /** A listener failed. @default ignored */
  onError?: (error: unknown) => void
}

export class RpcSessions {
  /** Whether bodies of calls and answers are compressed, on all links. */
  readonly compression = new Compression(() => performance.now())
  readonly #wheel: TimerWheel
  readonly #turns: TurnQueue
  readonly #budget: ByteBudget | undefined
  readonly #streamBudget: ByteBudget | undefined
  readonly #bodies: RpcSessionsInit['bodies']
  readonly #handlerFor: (caller: Subject) => OnRequest
  readonly #rpc = new WeakMap<Link, RpcLink>()
  readonly #goingAway: Listeners<Link>
  readonly #heard: Listeners<Link>
  readonly #features: number
  #onSwim: ((link: Link, bytes: Buffer) => void) | undefined
  #departing = false
  #farewell: Promise<void> | undefined

  constructor(init: RpcSessionsInit) {
    this.#wheel = init.wheel
    this.#turns = init.turns
    this.#budget = init.budget
    this.#streamBudget = init.streamBudget
    this.#bodies = init.bodies
    this.#handlerFor = init.handlerFor
    this.#goingAway = new Listeners(init.onError ?? (() => {}))
    this.#heard = new Listeners(init.onError ?? (() => {}))
    this.#features = init.features ?? 0
  }

  /** Called when a peer takes no new calls on a link. @returns how to stop listening */
  onGoingAway(callback: (link: Link) => void): () => void {
    return this.#goingAway.add(callback)
  }

  /** Called when the first frame of a peer was read: what it understands is known. @returns how to stop listening */
  onFeatures(callback: (link: Link) => void): () => void {
    return this.#heard.add(callback)
  }

  /** From now on links take part in failure detection. @param read gets each message, valid during the call only */
  takeSwim(read: (link: Link, bytes: Buffer) => void): void {
    this.#onSwim = read
  }

  /** Whether each byte on this link costs money, at one end or the other. */
  isMetered(link: Link): boolean {
    return ((this.#features | (this.of(link).peerFeatures ?? 0)) & linkFeatures.metered) !== 0
  }

  /** Whether this member takes no new work any more. */
  get departing(): boolean {
    return this.#departing
  }

  /**
   * From now on no link that comes up takes calls of its peer: they are refused before their handler.
   * @param farewell links that retire are open until it has settled
   */
  depart(farewell?: Promise<void>): void {
    this.#departing = true
    this.#farewell ??= farewell
  }

  /** The engine of a link; begins to serve on the first call. */
  of(link: Link): RpcLink {
    const known = this.#rpc.get(link)
    if (known !== undefined) return known
    const onSwim = this.#onSwim
    const rpc = rpcLink({
      stream: link.stream,
      wheel: this.#wheel,
      turns: this.#turns,
      ...(this.#budget !== undefined && { budget: this.#budget }),
      ...(this.#streamBudget !== undefined && { streamBudget: this.#streamBudget }),
      bodies: this.#bodies?.(link),
      compression: this.compression,
      onRequest: this.#handlerFor(link.peer.credential),
      onGoingAway: () => this.#goingAway.emit(link),
      ...(onSwim !== undefined && { onSwim: (bytes: Buffer) => onSwim(link, bytes) }),
      onFeatures: () => this.#heard.emit(link),
      features: this.#features,
    })
    link.watchWork(() => rpc.stats.outbound + rpc.stats.inbound > 0)
    const ping = () => rpc.ping(pathDefaults.pathLostMs)
    link.paceBy(() => new PipePace({ ping, wheel: this.#wheel }))
    this.#rpc.set(link, rpc)
    if (this.#departing) void rpc.goAway()
    return rpc
  }

  /** Ends the calls of a link at once, with this error. */
  abort(link: Link, error: MeshError): void {
    this.#rpc.get(link)?.abort(error)
  }

  /**
   * Says going away, waits until nothing runs on the link and it carries no pipe or circuit, and closes its stream. The peer closes its side when it has
   * read everything, which ends the link; without that wait the last answers would be lost in the TLS layer.
   * @param drainMs calls, pipes and circuits have this long to end. @default no bound but the deadlines of calls
   */
  async retire(link: Link, drainMs?: number): Promise<void> {
    const rpc = this.#rpc.get(link)
    if (rpc === undefined) return
    const deadline = this.#wheel.now() + (drainMs ?? Infinity)
    await rpc.goAway(drainMs)
    await this.#farewell
    while (link.carried > 0 && link.state !== 'down' && this.#wheel.now() < deadline)
      await delay(pathDefaults.carriedCheckMs)
    // Who held the link before it retired may have begun a call since.
    if (rpc.stats.outbound > 0) await rpc.drain(deadline)
    rpc.close()
    const limit = new AbortController()
    const late = delay(pathDefaults.closeMs, undefined, { signal: limit.signal }).catch(() => {})
    await Promise.race([link.closed, late])
    limit.abort()
  }
}
