/** Opens links: turns what is known of a peer into attempts of the dial ladder. Libp2p dials nothing by itself. */
import { MeshError, toMeshError } from '@agent-mesh/protocol'
import { startTimer } from '@agent-mesh/protocol/timers'
import { circuitAddr, withPeer, type Path } from '../address.ts'
import type { Connector } from '../links/connector.ts'
import type { ConnectOptions, DialTarget, RelayTarget } from './dial-target.ts'
import { transportDefaults } from '../defaults.ts'
import { dialOrder, type Interfaces } from './dial-order.ts'
import type { Demand } from './handshake-slots.ts'
import { climb, type DialAttempt, type Ways } from './ladder.ts'
import type { LinkTable } from '../links/link-table.ts'
import type { Link } from '../links/link.ts'
import type { NodeCore } from '../libp2p/node.ts'
import { Opener } from './opener.ts'
import { overRelay, type PathHistory } from './path-history.ts'
import { circuitRefusal } from '../relays/circuit-refusal.ts'

export interface DialerInit {
  self: string
  links: LinkTable
  connector: Connector
  transportManager: () => Pick<NodeCore['transportManager'], 'dial'>
  /** Of this host, as they are now. */
  interfaces: () => Interfaces
  history: PathHistory
  onError: (error: unknown) => void
}

interface Flight {
  peerId: string
  link: Promise<Link>
  abort: AbortController
  /** Adds ways to the peer that are new. */
  learn: (target: DialTarget) => void
  demand: Demand
  waiting: number
  /** Has its link or its failure: callers that give up no longer change anything. */
  settled: boolean
}

export class Dialer {
  readonly #links: LinkTable
  readonly #self: string
  readonly #history: PathHistory
  readonly #interfaces: () => Interfaces
  readonly #opener: Opener
  readonly #flights = new Map<string, Flight>()
  /** Running dials with their abort; they outlast their flight while direct addresses are tried after a relayed link is up. */
  readonly #climbs = new Map<Promise<unknown>, AbortController>()

  constructor(init: DialerInit) {
    this.#links = init.links
    this.#self = init.self
    this.#history = init.history
    this.#interfaces = init.interfaces
    this.#opener = new Opener(init)
  }

  /**
   * The best link to a peer, opened if there is none. Callers that ask at the same time share one dial.
   * @throws MeshError unavailable, too_many_links, deadline_exceeded, cancelled; going_away when this member stops; unauthenticated
   * or revoked when the only peer that answered refused, or was refused
   */
  async dial(target: DialTarget, options: ConnectOptions = {}): Promise<Link> {
    const allowed: readonly Path[] | undefined = options.paths === 'relay' ? ['relay'] : undefined
    const existing =
      options.lasting === true
        ? this.#links.lasting(target.peerId, allowed)
        : this.#links.best(target.peerId, allowed)
    if (existing !== undefined) return existing
    if (target.peerId === this.#self)
      throw new MeshError('invalid_argument', 'Cannot connect to oneself: call the service locally')
    const { deadline = Infinity } = options
    if (deadline <= performance.now())
      throw new MeshError(
        'deadline_exceeded',
        `Cannot connect to ${target.name ?? target.peerId}: no time is left`,
      )
    this.#links.makeRoom()
    const flight = this.#flight(target, options.paths ?? 'any', options.upkeep !== true)
    try {
      const opened = await this.#wait(flight, target, options)
      return this.#links.lasting(target.peerId, allowed) ?? opened
    } catch (error) {
      // The peer dialled at the same time, and its link won.
      const theirs = this.#links.lasting(target.peerId, allowed)
      if (theirs !== undefined) return theirs
      throw error
    }
  }

  #flight(target: DialTarget, paths: 'any' | 'relay', urgent: boolean): Flight {
    const key = `${paths} ${target.peerId}`
    const known = this.#flights.get(key)
    if (known !== undefined && !known.abort.signal.aborted) {
      known.learn(target)
      known.demand.urgent ||= urgent
      return known
    }
    const abort = new AbortController()
    const demand: Demand = { urgent }
    const { promise: theirs, resolve } = Promise.withResolvers<Link>()
    // A link that the peer dialled meanwhile serves the callers at once. The own dial continues: where both find a link, one gives way.
    const unsubscribe = [
      this.#links.onUp(link => {
        if (link.peer.peerId === target.peerId && isAllowed(link, paths)) resolve(link)
      }),
      this.#links.onDoubt(link => {
        if (!link.suspect && link.peer.peerId === target.peerId && isAllowed(link, paths)) resolve(link)
      }),
    ]
    const { climbing, learn } = this.#climb(target, paths, demand, abort)
    this.#own(climbing, abort)
    const link = Promise.race([climbing, theirs]).finally(() => {
      for (const stop of unsubscribe) stop()
      flight.settled = true
      // A caller after all had given up has started another.
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    // Every caller may have given up before it fails.
    link.catch(() => {})
    const flight: Flight = {
      ...{ peerId: target.peerId, link, abort, learn, demand },
      ...{ waiting: 0, settled: false },
    }
    this.#flights.set(key, flight)
    return flight
  }

  /** Those that are being dialled. */
  peers(): string[] {
    return [...new Set([...this.#flights.values()].map(({ peerId }) => peerId))]
  }

  /** More is known of a peer: a dial in progress tries the new ways, too. */
  learn(target: DialTarget): void {
    for (const flight of this.#flights.values()) if (flight.peerId === target.peerId) flight.learn(target)
  }

  #own(climbing: Promise<unknown>, abort: AbortController): void {
    const ended: Promise<unknown> = climbing.catch(() => {}).finally(() => this.#climbs.delete(ended))
    this.#climbs.set(ended, abort)
  }

  async #wait(flight: Flight, target: DialTarget, { signal, deadline }: ConnectOptions): Promise<Link> {
    const action = `connect to ${target.name ?? target.peerId}`
    const ms = deadline === undefined ? transportDefaults.dialMs : deadline - performance.now()
    const { promise: stopped, reject } = Promise.withResolvers<never>()
    const cancel = () => reject(toMeshError(signal?.reason, 'cancelled', action))
    const expire = () =>
      reject(
        new MeshError('deadline_exceeded', `Cannot ${action}: no link in ${Math.max(0, Math.round(ms))} ms`),
      )
    const timer = startTimer(ms, expire)
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted) cancel()
    flight.waiting++
    try {
      return await Promise.race([flight.link, stopped])
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', cancel)
      if (--flight.waiting === 0 && !flight.settled) flight.abort.abort()
    }
  }

  #climb(target: DialTarget, paths: 'any' | 'relay', demand: Demand, abort: AbortController) {
    this.#history.begin(target.peerId)
    const known = new Set<string>()
    const news = (now: DialTarget) => unknown(this.#ways(now, paths, demand), known)
    let add: (ways: Ways<Link>) => void = () => {}
    const climbing = climb({
      ...news(target),
      action: `connect to ${target.name ?? target.peerId}`,
      signal: abort.signal,
      awaitWayMs: target.awaitWayMs ?? 0,
      // The peer may have begun a call on it.
      discard: link => this.#links.retire(link),
      onBegun: adder => void (add = adder),
      onTried: (name, error) => this.#history.tried(target.peerId, name, error),
      onGoingOn: rest => this.#own(rest, abort),
    })
    let told = toldOf(target)
    // Each caller that joins passes what it knows, mostly the same: the order of dials is not worked out again for it.
    const learn = (now: DialTarget) => {
      if (toldOf(now) === told) return
      told = toldOf(now)
      add(news(now))
    }
    return { climbing, learn }
  }

  #ways({ peerId, addrs, relays }: DialTarget, paths: 'any' | 'relay', demand: Demand): Ways<Link> {
    const dialled =
      paths === 'relay' ? [] : this.#history.bestFirst(peerId, dialOrder(addrs, this.#interfaces()))
    const others = relays.filter(relay => relay.peerId !== this.#self && relay.peerId !== peerId)
    return {
      direct: dialled.map(addr => this.#direct(addr, peerId, demand)),
      relayed: this.#trustedFirst(others).map(relay => this.#relayed(relay, peerId, paths, demand)),
    }
  }

  /** Relays that are silent now, or leaving, are tried last. */
  #trustedFirst(relays: readonly RelayTarget[]): RelayTarget[] {
    const doubtful = ({ peerId }: RelayTarget) =>
      this.#links.best(peerId) === undefined && this.#links.of(peerId).length > 0
    return [...relays.filter(relay => !doubtful(relay)), ...relays.filter(doubtful)]
  }

  #direct(addr: string, peerId: string, demand: Demand): DialAttempt<Link> {
    const known = () => this.#links.best(peerId, ['direct'])
    return {
      name: addr,
      run: (signal, answered) => {
        const opening = { addr: withPeer(addr, peerId), slotMs: transportDefaults.slotMs }
        return this.#opener.open({ ...opening, signal, known, answered, demand })
      },
    }
  }

  /**
   * Through a relay: first a link to the relay itself, whose guard admits no other peer. When that one falls silent under
   * the dial, as all paths do that a host loses with its network, a new one is taken.
   */
  #relayed(relay: RelayTarget, peerId: string, paths: 'any' | 'relay', demand: Demand): DialAttempt<Link> {
    const known = () => this.#links.lasting(peerId, paths === 'relay' ? ['relay'] : undefined)
    const through = async (link: Link, signal: AbortSignal) => {
      const unpin = link.pin()
      try {
        const addr = circuitAddr(link.remoteAddr, relay.peerId, peerId)
        const { circuitSlotMs: slotMs } = transportDefaults
        return await this.#opener.open({ addr, signal, known, slotMs, demand })
      } catch (error) {
        throw circuitRefusal(error, `connect to ${peerId} over relay ${relay.peerId}`)
      } finally {
        unpin()
      }
    }
    const run = async (signal: AbortSignal): Promise<Link> => {
      const link = await this.dial({ ...relay, relays: [] }, { signal, upkeep: !demand.urgent })
      const silent = new AbortController()
      const unsubscribe = this.#links.onDoubt(doubted => {
        if (doubted === link && link.suspect) silent.abort()
      })
      try {
        return await through(link, AbortSignal.any([signal, silent.signal]))
      } catch (error) {
        if (!silent.signal.aborted || signal.aborted) throw error
      } finally {
        unsubscribe()
      }
      return run(signal)
    }
    return { name: overRelay(relay.peerId), run }
  }

  /** Gives up all dials and waits for them: they end as `going_away`, since none of their callers gave up. */
  async stop(): Promise<void> {
    for (const abort of this.#climbs.values()) abort.abort(memberStops())
    await Promise.all([...this.#climbs.keys()])
  }
}

export const memberStops = (): MeshError =>
  new MeshError('going_away', 'Cannot connect: this member stops', { notStarted: true })

const toldOf = ({ addrs, relays }: DialTarget) => [...addrs, ...relays.map(({ peerId }) => peerId)].join(' ')

/** The ways that are not in `known`; adds them to it. */
function unknown(ways: Ways<Link>, known: Set<string>): Ways<Link> {
  const isNew = ({ name }: DialAttempt<Link>) => !known.has(name) && known.add(name)
  return { direct: ways.direct.filter(isNew), relayed: ways.relayed.filter(isNew) }
}

const isAllowed = (link: Link, paths: 'any' | 'relay'): boolean => paths === 'any' || link.path === 'relay'
