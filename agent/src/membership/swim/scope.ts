/**
 * Which members watch which (the port, and the graph of rings behind it). The scope is all members today; a smaller one has the
 * same form.
 */
import type { RingOrder } from '../ring-order.ts'

/** What this member believes: suspected is its own view, dead is evidence, and includes those that left. */
export type SwimStanding = 'alive' | 'suspect' | 'dead'
export type StandingOf = (peerId: string) => SwimStanding

/** How often a link is probed: `close` where no relay watches the peer, `rest` where one does, `homed` by that relay, `relay` the relay itself. */
export type Pace = 'close' | 'rest' | 'homed' | 'relay'

export interface Scope {
  /** Whom to watch now. Where one is suspect, the next one on its ring too: it may be dead as well. */
  watched(standingOf: StandingOf): ReadonlyMap<string, Pace>
  /** Who else watches a member, or is asked to look: its relays, and its predecessors that are alive. At most a handful, without this member. */
  watchersOf(peerId: string, standingOf: StandingOf): readonly string[]
  /** Whether a relay that this member has a link to brings news to this one: then they need not take the direct way, too. */
  isInformed(peerId: string, links: ReadonlySet<string>): boolean
}

export interface RingScopeInit {
  /** Own peer id. */
  self: string
  /** All agents on their rings, and all relays on theirs; both kept current by their owner. */
  agents: RingOrder
  relays: RingOrder
  /** On how many rings agents watch, with a living relay and without. */
  rings: number
  ringsAlone: number
  /** Up to so many others, each watches all. */
  small: number
  /** Home and standby relay of an agent. */
  relaysOf: (peerId: string) => readonly string[]
  /** Of a relay: the agents that have a link to it. */
  homed: () => Iterable<string>
}

/** Relays watch each other on this many rings. */
export const relayRings = 5
/** Of the many watchers of a relay, other relays are asked first. */
const relayWatchers = 4

export class RingScope implements Scope {
  readonly #init: RingScopeInit

  constructor(init: RingScopeInit) {
    this.#init = init
  }

  watched(standingOf: StandingOf): ReadonlyMap<string, Pace> {
    const { self, agents, relays } = this.#init
    return relays.has(self)
      ? this.#byRelay(standingOf)
      : agents.has(self)
        ? this.#byAgent(standingOf)
        : new Map()
  }

  watchersOf(peerId: string, standingOf: StandingOf): readonly string[] {
    const { self, agents, relays } = this.#init
    const found = new Set<string>()
    if (relays.has(peerId)) {
      for (const relay of relays.from(peerId, 0, true)) {
        if (found.size >= relayWatchers) break
        if (standingOf(relay) === 'alive') found.add(relay)
      }
      // Where relays are few: a path that is blocked one way would else be taken for a dead relay by one agent alone.
      if (agents.has(self))
        for (const each of this.#around(agents, self, true, standingOf)) {
          if (found.size >= relayWatchers) break
          if (standingOf(each) === 'alive') found.add(each)
        }
    } else {
      for (const relay of this.#init.relaysOf(peerId)) if (standingOf(relay) === 'alive') found.add(relay)
      for (const each of this.#around(agents, peerId, found.size > 0, standingOf, true))
        if (standingOf(each) === 'alive') found.add(each)
    }
    found.delete(self)
    found.delete(peerId)
    return [...found]
  }

  isInformed(peerId: string, links: ReadonlySet<string>): boolean {
    const { self, relays, relaysOf } = this.#init
    return !relays.has(self) && !relays.has(peerId) && relaysOf(peerId).some(relay => links.has(relay))
  }

  #byAgent(standingOf: StandingOf): Map<string, Pace> {
    const { self, agents } = this.#init
    const watched = new Map<string, Pace>()
    const relays = this.#init.relaysOf(self).filter(relay => standingOf(relay) !== 'dead')
    relays.forEach((relay, place) => watched.set(relay, place === 0 ? 'relay' : 'rest'))
    const isHomed = relays.some(relay => standingOf(relay) === 'alive')
    for (const peerId of this.#around(agents, self, true, standingOf))
      watched.set(peerId, isHomed && this.#isHomed(peerId, standingOf) ? 'rest' : 'close')
    // Where no relay holds the mesh together, two more links do; three are probed.
    if (!isHomed)
      for (const peerId of this.#around(agents, self, false, standingOf))
        if (!watched.has(peerId)) watched.set(peerId, 'rest')
    return watched
  }

  #byRelay(standingOf: StandingOf): Map<string, Pace> {
    const { self, relays, relaysOf } = this.#init
    const watched = new Map<string, Pace>()
    for (const peerId of this.#init.homed())
      if (standingOf(peerId) !== 'dead') watched.set(peerId, relaysOf(peerId)[0] === self ? 'homed' : 'rest')
    for (const peerId of neighbours(relays, self, relayRings, standingOf)) watched.set(peerId, 'homed')
    return watched
  }

  #isHomed(peerId: string, standingOf: StandingOf): boolean {
    return this.#init.relaysOf(peerId).some(relay => standingOf(relay) === 'alive')
  }

  /** Successors of an agent on the rings of agents, or with `back` its predecessors; all in a small mesh. */
  #around(
    agents: RingOrder,
    of: string,
    isHomed: boolean,
    standingOf: StandingOf,
    back = false,
  ): Iterable<string> {
    const { small, rings, ringsAlone } = this.#init
    if (agents.size - 1 < small) return livingOthers(agents, of, standingOf)
    return neighbours(agents, of, isHomed ? rings : ringsAlone, standingOf, back)
  }
}

function* livingOthers(agents: RingOrder, of: string, standingOf: StandingOf): Generator<string> {
  for (const peerId of agents.peers()) if (peerId !== of && standingOf(peerId) !== 'dead') yield peerId
}

/** On each ring the next one that is alive and not found yet, and those before it that are suspect. */
function neighbours(
  order: RingOrder,
  of: string,
  rings: number,
  standingOf: StandingOf,
  back = false,
): Set<string> {
  const found = new Set<string>()
  for (let ring = 0; ring < rings; ring++)
    for (const peerId of order.from(of, ring, back)) {
      const standing = standingOf(peerId)
      if (standing === 'dead' || found.has(peerId)) continue
      found.add(peerId)
      if (standing === 'alive') break
    }
  return found
}
