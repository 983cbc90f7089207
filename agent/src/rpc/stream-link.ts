import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { FrameDecoder, frameTypes, linkFeatures } from '@agent-mesh/protocol/wire/index'
import type { Frame, UnreadableFrame } from '@agent-mesh/protocol/wire/index'
import type { ByteStream } from '../core/byte-stream.ts'
import { LinkBodies } from './bodies/link-bodies.ts'
import { ByteBudget } from './byte-budget.ts'
import type { Compression } from './compression.ts'
import { linkDefaults, pingTimeoutMs } from './defaults.ts'
import { Drains } from './drains.ts'
import { endReason } from './end-reason.ts'
import { InboundCalls } from './calls/inbound-calls.ts'
import { OutboundCalls } from './calls/outbound-calls.ts'
import type { LinkCallOptions } from './calls/pending-call.ts'
import { Outbox } from './outbox.ts'
import { PartsReader } from './parts-reader.ts'
import { Pings } from './pings.ts'
import type { LinkStats, RpcLink, RpcLinkInit } from './rpc-link.ts'
import { PendingStream, type LinkStream, type LinkStreamOptions } from './streams/outbound-stream.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import { TurnQueue } from './turn-queue.ts'

export const rpcLink = (init: RpcLinkInit): RpcLink => new StreamLink(init)

/** A link's engine over its stream: passes bytes and frames to the parts that handle them. */
class StreamLink implements RpcLink {
  readonly closed: Promise<MeshError | undefined>
  readonly #stream: ByteStream
  readonly #wheel: TimerWheel
  readonly #budget: ByteBudget
  readonly #outbox: Outbox
  readonly #decoder: FrameDecoder
  readonly #outbound: OutboundCalls
  readonly #turns: TurnQueue
  readonly #inbound: InboundCalls
  readonly #parts: PartsReader
  readonly #pings: Pings
  readonly #bodies: LinkBodies
  readonly #onGoingAway: (() => void) | undefined
  readonly #drains: Drains
  readonly #compression: Compression | undefined
  readonly #onSwim: RpcLinkInit['onSwim']
  readonly #onFeatures: RpcLinkInit['onFeatures']
  #resolveClosed!: (error: MeshError | undefined) => void
  #ended = false
  /** Bits of {@link linkFeatures}; undefined: no frame of the peer was read, and the first shows what it understands. */
  #peerFeatures: number | undefined
  /** Of a peer that goes away. */
  #peerDrainMs: number | undefined
  #bytesReceived = 0
  #lastHeardAt: number

  constructor({
    stream,
    wheel,
    turns = new TurnQueue(wheel),
    budget: ofProcess,
    streamBudget,
    bodies: carrier,
    compression,
    onRequest,
    onGoingAway,
    onSwim,
    onFeatures,
    features = 0,
    limits: partial,
  }: RpcLinkInit) {
    const limits = { ...linkDefaults, ...partial }
    const isIdle = (): boolean => outbound.size === 0 && inbound.awaited === 0 && outbox.isEmpty
    const drains = (this.#drains = new Drains(wheel, isIdle))
    const onIdle = (): void => drains.check()
    this.closed = new Promise(resolve => (this.#resolveClosed = resolve))
    this.#stream = stream
    this.#wheel = wheel
    this.#compression = compression
    this.#onGoingAway = onGoingAway
    this.#onSwim = onSwim
    this.#onFeatures = onFeatures
    this.#lastHeardAt = wheel.now()
    const budget = new ByteBudget(limits.heldBytes, ofProcess)
    this.#budget = budget
    const outbox = (this.#outbox = new Outbox({
      stream,
      budget,
      wheel,
      events: {
        written: () => this.#written(),
        drained: onIdle,
        failed: error => this.abort(error),
      },
    }))
    const streams = {
      outbox,
      budget: new ByteBudget(limits.streamBytes, streamBudget),
      now: () => wheel.now(),
      rttMs: () => this.#rttMs(),
    }
    const bodies = (this.#bodies = new LinkBodies(carrier, () => this.ping()))
    const making = { outbox, budget, wheel, limits, streams, bodies, onIdle }
    const outbound = (this.#outbound = new OutboundCalls(making))
    this.#turns = turns
    const serving = { outbox, budget, wheel, turns, limits, streams, bodies, onRequest, onIdle }
    const inbound = (this.#inbound = new InboundCalls(serving))
    const onFrame = (frame: Frame): void => this.#onFrame(frame)
    this.#parts = new PartsReader({ outbox, budget, wheel, inbound, outbound, onFrame })
    this.#pings = new Pings(outbox, wheel)
    this.#decoder = new FrameDecoder(onFrame)
    stream.onClose(error => this.#end(error))
    stream.onData(chunk => this.#onData(chunk))
    this.#sendSettings(features)
  }

  get usable(): boolean {
    return !this.#outbound.ended
  }

  get peerFeatures(): number | undefined {
    return this.#peerFeatures
  }

  get stats(): LinkStats {
    return {
      outbound: this.#outbound.size,
      inbound: this.#inbound.running,
      callsMade: this.#outbound.made,
      callsServed: this.#inbound.served,
      bytesSent: this.#outbox.bytes,
      bytesReceived: this.#bytesReceived,
      writes: this.#outbox.writes,
      backlogBytes: this.#outbox.backlog,
      heldBytes: this.#budget.used,
      lastHeardAt: this.#lastHeardAt,
      lastProgressAt: Math.max(this.#lastHeardAt, this.#outbox.progressAt),
    }
  }

  call(method: string, value: unknown, options: LinkCallOptions = {}): Promise<unknown> {
    return this.#outbound.call(method, value, options)
  }

  stream(method: string, value: unknown, options: LinkStreamOptions = {}): Promise<LinkStream> {
    return this.#outbound.stream(method, value, options)
  }

  swim(bytes: Uint8Array): void {
    if (this.#ended) return
    this.#outbox.encoder.swim(bytes)
    this.#outbox.appended()
  }

  ping(timeoutMs?: number): Promise<number> {
    if (this.#ended) return Promise.reject(new MeshError('unavailable', 'Cannot ping: the link is closed'))
    return this.#pings.ping(timeoutMs)
  }

  async goAway(drainMs = Infinity): Promise<void> {
    if (this.#ended) return
    const until = this.#wheel.now() + drainMs
    this.#outbox.encoder.goingAway(this.#inbound.leave(), drainMs)
    this.#outbox.appended()
    return this.drain(until)
  }

  async drain(until: number): Promise<void> {
    do {
      await this.#drains.idleOr(until)
      // The answer to a ping behind the last byte says that the peer has read it. A call that was about to begin does so meanwhile.
      const left = Math.min(until - this.#wheel.now(), pingTimeoutMs)
      if (left > 0) await this.ping(left).catch(() => undefined)
    } while (!this.#ended && !this.#drains.isIdle() && this.#wheel.now() < until)
  }

  doubt(): void {
    if (!this.#ended) this.#outbound.doubt()
  }

  forsake(): void {
    if (!this.#ended) this.#outbound.lose(({ idempotent }) => idempotent)
  }

  loseStreams(): void {
    if (this.#ended) return
    this.#outbound.lose(call => call instanceof PendingStream)
    this.#inbound.loseStreams()
  }

  close(): void {
    if (this.#ended) return
    this.#outbox.flushAll()
    this.#stream.close()
    this.#end(undefined)
  }

  abort(error: Error): void {
    if (this.#ended) return
    this.#end(error)
    this.#stream.abort(error)
  }

  #sendSettings(more: number): void {
    const swim = this.#onSwim === undefined ? 0 : linkFeatures.swim
    const own = linkFeatures.parts | linkFeatures.compressed | linkFeatures.batches | this.#bodies.features
    this.#outbox.encoder.settings(own | swim | more)
    this.#outbox.appended()
  }

  #onData(chunk: Uint8Array): void {
    if (this.#ended) return
    this.#bytesReceived += chunk.byteLength
    this.#lastHeardAt = this.#wheel.now()
    try {
      this.#decoder.push(chunk)
    } catch (error) {
      this.abort(toMeshError(error, 'internal', 'read from the link'))
    }
    this.#turns.settle(this.#lastHeardAt)
  }

  #onFrame(frame: Frame): void {
    if (this.#peerFeatures === undefined) this.#hearFirst(frame)
    switch (frame.type) {
      case 'request':
        return this.#inbound.onRequest(frame, this.#lastHeardAt)
      case 'response':
        return this.#outbound.onResponse(frame)
      case 'error':
        return this.#outbound.onError(frame)
      case 'cancel':
        return this.#inbound.onCancel(frame.id)
      case 'data':
      case 'batch':
      case 'credit':
      case 'end':
        return (frame.fromCallee ? this.#outbound : this.#inbound).onStream(frame)
      case 'ping':
        return this.#pings.onPing(frame.id)
      case 'pong':
        return this.#pings.onPong(frame.id)
      case 'part':
        return this.#parts.onPart(frame)
      case 'delivered':
        return this.#outbox.delivered(frame.id)
      case 'drop':
        return this.#parts.onDrop(frame.id)
      case 'swim':
        return this.#onSwim?.(frame.bytes)
      case 'settings':
        return
      case 'goingAway':
        this.#peerDrainMs = frame.drainMs
        this.#outbound.onGoingAway(frame.lastId)
        return this.#onGoingAway?.()
      case 'unreadable':
        return this.#onUnreadable(frame)
    }
  }

  /** Settings come before every other frame; a peer that sends others first is of an earlier version. */
  #hearFirst(frame: Frame): void {
    this.#peerFeatures = frame.type === 'settings' ? frame.features : 0
    this.#outbox.learn(this.#peerFeatures)
    this.#bodies.learn(this.#peerFeatures)
    if (this.#compression !== undefined && (this.#peerFeatures & linkFeatures.compressed) !== 0)
      this.#outbox.compress(this.#compression)
    this.#onFeatures?.()
  }

  #onUnreadable({ of, id, flags }: UnreadableFrame): void {
    if (of === frameTypes.request) this.#inbound.onUnreadable(id, flags)
    else if (of === frameTypes.response || of === frameTypes.error) this.#outbound.onUnreadable(id)
  }

  /** The last round trip; starts a ping when there is none yet. */
  #rttMs(): number | undefined {
    const { rttMs } = this.#pings
    if (rttMs === undefined && !this.#ended) void this.ping().catch(() => undefined)
    return rttMs
  }

  #written(): void {
    this.#outbound.written()
    this.#drains.check()
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#decoder.stop()
    this.#outbox.close()
    const reason = endReason(error, this.#peerDrainMs)
    this.#outbound.close(reason, error)
    this.#inbound.close(reason)
    this.#parts.close()
    this.#pings.close(reason)
    this.#drains.end()
    this.#resolveClosed(error === undefined ? undefined : toMeshError(error, 'path_lost', 'keep the link'))
  }
}
