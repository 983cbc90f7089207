/** Opens links: turns what is known of a peer into attempts of the dial ladder. Libp2p dials nothing by itself. */
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { MeshError, toMeshError } from '@agent-mesh/protocol'
import { circuitAddr, withPeer, type Path } from './address.ts'
import type { Connector } from './connector.ts'
import { transportDefaults } from './defaults.ts'
import { dialOrder, type Interfaces } from './dial-order.ts'
import { HandshakeSlots } from './handshake-slots.ts'
import { climb, type Attempt } from './ladder.ts'
import type { LinkTable } from './link-table.ts'
import type { Link } from './link.ts'
import type { NodeCore } from './node.ts'
import type { PathHistory } from './path-history.ts'

export interface RelayTarget {
  peerId: string
  /** Without peer id. */
  addrs: readonly string[]
}

export interface DialTarget {
  peerId: string
  /** For messages. @default the peer id */
  name?: string
  /** Direct addresses, as its record lists them. */
  addrs: readonly string[]
  /** Its relays, home first. */
  relays: readonly RelayTarget[]
}

export interface ConnectOptions {
  signal?: AbortSignal
  /** Milliseconds of `performance.now()`. @default 10 s from now */
  deadline?: number
  /** `relay`: neither uses nor opens a direct link. @default 'any' */
  paths?: 'any' | 'relay'
}

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
  link: Promise<Link>
  abort: AbortController
  waiting: number
  /** Has its link, or its failure: nobody gives up any more. */
  settled: boolean
}

export class Dialer {
  readonly #init: DialerInit
  readonly #flights = new Map<string, Flight>()
  /** With their abort; they outlive their flight while direct addresses are tried behind a relay's back. */
  readonly #climbs = new Map<Promise<unknown>, AbortController>()

  constructor(init: DialerInit) {
    this.#init = init
  }

  /**
   * The best link to a peer, opened if there is none. Callers that ask at the same time share one dial.
   * @throws MeshError unavailable, too_many_links, deadline_exceeded, cancelled; unauthenticated or revoked when the
   * only peer that answered refused, or was refused
   */
  async connect(target: DialTarget, options: ConnectOptions = {}): Promise<Link> {
    const allowed: readonly Path[] | undefined = options.paths === 'relay' ? ['relay'] : undefined
    const existing = this.#init.links.best(target.peerId, allowed)
    if (existing !== undefined) return existing
    if (target.peerId === this.#init.self)
      throw new MeshError('invalid_argument', 'Cannot connect to oneself: call the service locally')
    this.#init.links.makeRoom()
    const flight = this.#flight(target, options.paths ?? 'any')
    try {
      const opened = await this.#wait(flight, target, options)
      return this.#init.links.best(target.peerId, allowed) ?? opened
    } catch (error) {
      // The peer dialled at the same time, and its link won.
      const theirs = this.#init.links.best(target.peerId, allowed)
      if (theirs !== undefined) return theirs
      throw error
    }
  }

  #flight(target: DialTarget, paths: 'any' | 'relay'): Flight {
    const key = `${paths} ${target.peerId}`
    const known = this.#flights.get(key)
    if (known !== undefined && !known.abort.signal.aborted) return known
    const abort = new AbortController()
    const { promise: theirs, resolve } = Promise.withResolvers<Link>()
    const { links } = this.#init
    const unsubscribe = [
      links.onUp(link => {
        if (this.#supersedes(link, target.peerId, paths)) resolve(link)
      }),
      links.onDoubt(link => {
        if (!link.suspect && link.peer.peerId === target.peerId && isAllowed(link, paths)) resolve(link)
      }),
    ]
    const climbing = this.#climb(target, paths, abort)
    this.#own(climbing, abort)
    const link = Promise.race([climbing, theirs]).finally(() => {
      for (const stop of unsubscribe) stop()
      flight.settled = true
      // Who came after all had given up has begun another.
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    // Every caller may have given up before it fails.
    link.catch(() => {})
    const flight: Flight = { link, abort, waiting: 0, settled: false }
    this.#flights.set(key, flight)
    return flight
  }

  #own(climbing: Promise<unknown>, abort: AbortController): void {
    const ended: Promise<unknown> = climbing.catch(() => {}).finally(() => this.#climbs.delete(ended))
    this.#climbs.set(ended, abort)
  }

  /**
   * Whether a link that the peer dialled makes the own dial needless: only one that wins the tie. The lower peer goes on
   * whatever arrives: were both to give up for the other's sake, none would be left.
   */
  #supersedes(link: Link, peerId: string, paths: 'any' | 'relay'): boolean {
    if (link.peer.peerId !== peerId || !isAllowed(link, paths)) return false
    return link.dialler === peerId && peerId < this.#init.self
  }

  async #wait(flight: Flight, target: DialTarget, { signal, deadline }: ConnectOptions): Promise<Link> {
    const action = `connect to ${target.name ?? target.peerId}`
    const ms = deadline === undefined ? transportDefaults.dialMs : deadline - performance.now()
    const { promise: stopped, reject } = Promise.withResolvers<never>()
    const cancel = () => reject(toMeshError(signal?.reason, 'cancelled', action))
    const expire = () =>
      reject(new MeshError('deadline_exceeded', `Cannot ${action}: no link in ${Math.round(ms)} ms`))
    const timer = setTimeout(expire, Math.max(0, ms))
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted) cancel()
    flight.waiting++
    try {
      return await Promise.race([flight.link, stopped])
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
      if (--flight.waiting === 0 && !flight.settled) flight.abort.abort()
    }
  }

  #climb(target: DialTarget, paths: 'any' | 'relay', abort: AbortController): Promise<Link> {
    const { interfaces, history, self, onError } = this.#init
    const addrs = paths === 'relay' ? [] : dialOrder(target.addrs, interfaces())
    const relays = target.relays.filter(({ peerId }) => peerId !== self && peerId !== target.peerId)
    history.begin(target.peerId)
    return climb({
      action: `connect to ${target.name ?? target.peerId}`,
      direct: history.bestFirst(target.peerId, addrs).map(addr => this.#direct(addr, target.peerId)),
      relayed: this.#trustedFirst(relays).map(relay => this.#relayed(relay, target.peerId, paths)),
      signal: abort.signal,
      discard: link => void link.close().catch(onError),
      onTried: (name, error) => history.tried(target.peerId, name, error),
      onGoingOn: rest => this.#own(rest, abort),
    })
  }

  /** Relays that are silent just now, or leave, are asked last. */
  #trustedFirst(relays: readonly RelayTarget[]): RelayTarget[] {
    const { links } = this.#init
    const doubtful = ({ peerId }: RelayTarget) =>
      links.best(peerId) === undefined && links.of(peerId).length > 0
    return [...relays.filter(relay => !doubtful(relay)), ...relays.filter(doubtful)]
  }

  #direct(addr: string, peerId: string): Attempt<Link> {
    const known = () => this.#init.links.best(peerId, ['direct'])
    return {
      name: addr,
      run: (signal, answered) => this.#open(withPeer(addr, peerId), signal, known, answered),
    }
  }

  /**
   * Through a relay: first a link to the relay itself, whose guard lets nobody else pass. When that one falls silent under
   * the dial, as all paths do that a host loses with its network, a new one is taken.
   */
  #relayed(relay: RelayTarget, peerId: string, paths: 'any' | 'relay'): Attempt<Link> {
    const known = () => this.#init.links.best(peerId, paths === 'relay' ? ['relay'] : undefined)
    const through = async (link: Link, signal: AbortSignal) => {
      const unpin = link.pin()
      try {
        return await this.#open(circuitAddr(link.remoteAddr, relay.peerId, peerId), signal, known)
      } finally {
        unpin()
      }
    }
    const run = async (signal: AbortSignal): Promise<Link> => {
      const link = await this.connect({ ...relay, relays: [] }, { signal })
      const silent = new AbortController()
      const unsubscribe = this.#init.links.onDoubt(doubted => {
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
    return { name: `relay ${relay.peerId}`, run }
  }

  /** Waits for a handshake slot; the time limits count from then on. Skips it when there is a link by then. */
  async #open(
    addr: string,
    signal: AbortSignal,
    known: () => Link | undefined,
    answered: () => void = () => {},
  ): Promise<Link> {
    const free = await handshakeSlots.take(signal)
    if (known() !== undefined) {
      free()
      throw new MeshError('cancelled', 'Cannot connect: the peer did so meanwhile')
    }
    const timer = setTimeout(free, transportDefaults.slotMs)
    try {
      return await whileRunning(signal, transportDefaults.connectMs, async (limited, extend) => {
        const connection: Connection = await this.#init.transportManager().dial(multiaddr(addr), {
          signal: limited,
          maxOutboundStreams: transportDefaults.maxCircuitsPerRelay,
          onProgress: ({ type }) => {
            if (type !== encrypting) return
            answered()
            clearTimeout(timer)
            extend(transportDefaults.handshakeMs)
          },
        })
        return this.#init.connector.dialled(connection, limited)
      })
    } finally {
      clearTimeout(timer)
      free()
    }
  }

  /** Gives up all dials and waits for them. */
  async stop(): Promise<void> {
    for (const abort of this.#climbs.values()) abort.abort()
    await Promise.all([...this.#climbs.keys()])
  }
}

const isAllowed = (link: Link, paths: 'any' | 'relay'): boolean => paths === 'any' || link.path === 'relay'

/** libp2p's word for: TCP, or the circuit, stands; TLS begins. */
const encrypting = 'upgrader:encrypt-outbound-connection'

/** Of the process, since it is the process's CPU that handshakes compete for. */
const handshakeSlots = new HandshakeSlots(transportDefaults.handshakes)

/**
 * Runs with a signal that follows `signal` and a time limit, but only until the run ends: `net.connect` ties a socket to
 * its signal for life, so a signal that fires later, as every timeout does, would end the connection it opened.
 * @param run gets the signal, and a function that sets the limit anew, milliseconds from then
 */
export async function whileRunning<T>(
  signal: AbortSignal,
  ms: number,
  run: (limited: AbortSignal, extend: (ms: number) => void) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const follow = () => own.abort(signal.reason)
  const expireIn = (limit: number) =>
    setTimeout(
      () => own.abort(new MeshError('deadline_exceeded', `Cannot connect: no link in ${limit} ms`)),
      limit,
    )
  let timer = expireIn(ms)
  const extend = (limit: number) => {
    clearTimeout(timer)
    timer = expireIn(limit)
  }
  signal.addEventListener('abort', follow, { once: true })
  if (signal.aborted) follow()
  try {
    return await run(own.signal, extend)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', follow)
  }
}
