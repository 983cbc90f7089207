/** Links to the relays around: kept open and pinged, so that the latency between regions is known. */
import { Listeners } from '@agent-mesh/agent/core/listeners'
import { WatchLinks, type HeadKeeper, type Link, type Logger, type Transport } from '@agent-mesh/agent'
import { MeshError, type RelayReport } from '@agent-mesh/protocol'
import { chooseNeighbours, regionOf } from './choose-neighbours.ts'

export interface NeighboursInit {
  self: string
  head: HeadKeeper
  transport: Pick<Transport, 'connect' | 'links'>
  /** Milliseconds of a round trip. @throws MeshError */
  ping: (link: Link, signal: AbortSignal) => Promise<number>
  log: Logger
}

export class Neighbours {
  readonly #head: HeadKeeper
  readonly #transport: Pick<Transport, 'connect' | 'links'>
  readonly #measure: (link: Link, signal: AbortSignal) => Promise<number>
  readonly #self: string
  readonly #watch: WatchLinks
  readonly #latencies: Listeners<void>
  #stopListening: (() => void) | undefined
  /** Regions reported last. */
  #regions = ''

  constructor(init: NeighboursInit) {
    this.#head = init.head
    this.#transport = init.transport
    this.#measure = init.ping
    this.#self = init.self
    this.#latencies = new Listeners(err =>
      init.log.error({ event: 'listener-failed', err }, 'a listener of latencies failed'),
    )
    this.#watch = new WatchLinks({
      targets: () => this.#chosen().map(({ peerId }) => peerId),
      linkTo: (peerId, signal) => this.connect(peerId, signal),
      ping: (link, signal) => this.#ping(link, signal),
      log: init.log,
    })
  }

  /** Whether the link to this relay is kept when idle. */
  keeps(peerId: string): boolean {
    return this.#watch.watches(peerId)
  }

  /** Calls `listener` when the latency to one more region is known, or to one less. @returns how to stop listening */
  onLatency(listener: () => void): () => void {
    return this.#latencies.add(listener)
  }

  start(): void {
    this.#stopListening ??= this.#head.onChange(() => this.#watch.update())
    this.#watch.update()
  }

  async stop(): Promise<void> {
    this.#stopListening?.()
    await this.#watch.stop()
  }

  /** The least round trip to a relay of each region, whole milliseconds, for the presence report. */
  latency(): NonNullable<RelayReport['health']['latency']> {
    const least = new Map<string, number>()
    for (const relay of this.#chosen()) {
      const ms = this.#transport.links.best(relay.peerId)?.rttMs
      if (ms === undefined) continue
      const region = regionOf(relay)
      least.set(region, Math.min(least.get(region) ?? Infinity, Math.max(1, Math.round(ms))))
    }
    return [...least].map(([region, ms]) => ({ region, ms }))
  }

  async #ping(link: Link, signal: AbortSignal): Promise<number> {
    link.rttMs = await this.#measure(link, signal)
    const regions = this.latency()
      .map(({ region }) => region)
      .sort()
      .join()
    if (regions !== this.#regions) this.#latencies.emit()
    this.#regions = regions
    return link.rttMs
  }

  #chosen() {
    return chooseNeighbours(this.#head.current.relays, this.#self)
  }

  /** A link to another relay. @throws MeshError unavailable */
  async connect(peerId: string, signal: AbortSignal): Promise<Link> {
    const relay = this.#head.current.relays.find(entry => entry.peerId === peerId)
    if (relay === undefined)
      throw new MeshError('unavailable', `Cannot reach relay ${peerId}: the head lists it no more`)
    const { name, addrs } = relay
    return this.#transport.connect({ peerId, name, addrs, relays: [] }, { signal })
  }
}
