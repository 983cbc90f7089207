/**
 * Outcomes of the dials to each peer: the address that worked is tried first next time, and `path` shows why a peer is
 * reached the way it is. Bounded; forgets the peers that were dialled longest ago.
 */
import type { MeshError } from '@agent-mesh/protocol'
import { transportDefaults } from '../defaults.ts'

/** One way that was tried in the last dial. */
export interface TriedPath {
  /** An address, or `relay PEERID`. */
  name: string
  /** Unix milliseconds. */
  at: number
  /** Absent: it brought a link. */
  error?: string
}

/** The name of a way over a relay. */
export const overRelay = (relayId: string): string => `${relayWord}${relayId}`

/** The peer id of the relay in {@link overRelay}; undefined for an address. */
export const relayIn = (name: string): string | undefined =>
  name.startsWith(relayWord) ? name.slice(relayWord.length) : undefined

const relayWord = 'relay '

interface Known {
  good: string | undefined
  tried: TriedPath[]
}

export class PathHistory {
  readonly #peers = new Map<string, Known>()
  readonly #now: () => number

  /** @param now unix milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** A dial starts: later outcomes are of it. */
  begin(peerId: string): void {
    const { good } = this.#peers.get(peerId) ?? {}
    this.#peers.delete(peerId)
    this.#peers.set(peerId, { good, tried: [] })
    const [oldest] = this.#peers.keys()
    if (this.#peers.size > transportDefaults.rememberedPeers && oldest !== undefined)
      this.#peers.delete(oldest)
  }

  tried(peerId: string, name: string, error: MeshError | undefined): void {
    const known = this.#peers.get(peerId)
    if (known === undefined) return
    known.tried.push({ name, at: this.#now(), ...(error === undefined ? {} : { error: error.message }) })
    if (name.startsWith('/') && error === undefined) known.good = name
    else if (name === known.good) known.good = undefined
  }

  /** Addresses in their order, the one that worked last before all. */
  bestFirst(peerId: string, addrs: readonly string[]): string[] {
    const good = this.#peers.get(peerId)?.good
    return good === undefined || !addrs.includes(good)
      ? [...addrs]
      : [good, ...addrs.filter(addr => addr !== good)]
  }

  /** Peers and the address that reached each last, the newest last: for the next start. */
  good(): [peerId: string, addr: string][] {
    return [...this.#peers].flatMap(([peerId, { good }]) => (good === undefined ? [] : [[peerId, good]]))
  }

  /** Restores the result of {@link good} from before a restart. */
  restore(good: readonly (readonly [peerId: string, addr: string])[]): void {
    for (const [peerId, addr] of good.slice(-transportDefaults.rememberedPeers))
      if (!this.#peers.has(peerId)) this.#peers.set(peerId, { good: addr, tried: [] })
  }

  /** What the last dial to a peer tried, in order of the outcomes. */
  of(peerId: string): readonly TriedPath[] {
    return this.#peers.get(peerId)?.tried ?? []
  }
}
