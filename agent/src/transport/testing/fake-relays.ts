import { expect } from 'vitest'
import type { Link } from '../links/link.ts'
import type { RelayCandidate } from '../relays/relay-choice.ts'
import { RelayClient, type RelayClientOptions } from '../relays/relay-client.ts'
import { bareLink } from './bare-links.ts'

/** Relays as their client sees them: links and reservations that come and go, and round trips that change. */
export class Relays {
  readonly roundTrips = new Map<string, number>()
  readonly dials: string[] = []
  readonly reserved = new Set<string>()
  readonly renewed: string[] = []
  readonly links = new Map<string, Link>()
  /** Linked, but answer no ping. */
  readonly silent = new Set<string>()
  readonly #lost = new Set<(relayId: string) => void>()
  #client: RelayClient | undefined

  /** The one that {@link start} made. */
  get client(): RelayClient {
    if (this.#client === undefined) throw new Error('no client was started')
    return this.#client
  }

  connect = (relay: RelayCandidate): Promise<Link> => {
    this.dials.push(relay.peerId)
    if (!this.roundTrips.has(relay.peerId)) return Promise.reject(new Error('refused'))
    const known = this.links.get(relay.peerId)
    if (known?.state === 'up') return Promise.resolve(known)
    const link = bareLink({ peerId: relay.peerId }, relay.addrs[0])
    this.links.set(relay.peerId, link)
    return Promise.resolve(link)
  }

  reservations = {
    reserve: (relayId: string) => {
      this.reserved.add(relayId)
      return Promise.resolve()
    },
    renew: async (relayId: string) => void this.renewed.push(relayId),
    release: (relayId: string) => void this.reserved.delete(relayId),
    onLost: (callback: (relayId: string) => void) => {
      this.#lost.add(callback)
      return () => this.#lost.delete(callback)
    },
  }

  leave: (relayId: string, what: 'left') => void = () => {}
  onTrouble = (callback: (relayId: string, what: 'silent' | 'left') => void) => {
    this.leave = callback
    return () => undefined
  }

  lose(relayId: string): void {
    for (const callback of this.#lost) callback(relayId)
  }

  kill(relayId: string): void {
    this.roundTrips.delete(relayId)
    this.links.get(relayId)?.markDown(undefined)
  }

  /** A client that hurries, with these as candidates. @returns what it tells, as it does */
  start(names: readonly string[], options: Partial<RelayClientOptions> = {}): string[][] {
    const changes: string[][] = []
    this.#client = new RelayClient({
      connect: this.connect,
      reservations: this.reservations,
      now: () => performance.now(),
      onError: () => {},
      onTrouble: this.onTrouble,
      measure: ({ peer: { peerId } }) =>
        this.silent.has(peerId)
          ? new Promise(() => {})
          : Promise.resolve(this.roundTrips.get(peerId) ?? Infinity),
      options: {
        retryMs: 5,
        maxRetryMs: 20,
        measureMs: 20,
        replaceMs: 50,
        graceMs: 10,
        loneGraceMs: 10,
        probeMs: 100,
        ...options,
      },
    })
    this.#client.onChange(homeRelays => changes.push(homeRelays))
    this.#client.update(candidates(...names))
    return changes
  }

  /** As {@link start}, of one whose home is a, 10 ms away, and whose standby is b, 20 ms away. */
  async startHomed(options?: Partial<RelayClientOptions>, names = ['a', 'b']): Promise<string[][]> {
    this.roundTrips.set('a', 10).set('b', 20)
    const changes = this.start(names, options)
    await this.home('a', 'b')
    return changes
  }

  /** Until the client names these. */
  async home(...expected: string[]): Promise<void> {
    await expect.poll(() => this.client.homeRelays()).toEqual(expected)
  }
}

export const candidates = (...names: string[]): RelayCandidate[] =>
  names.map(name => ({ peerId: name, addrs: [`/dns/${name}/tcp/1`] }))
