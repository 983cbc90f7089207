import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Link } from '../links/link.ts'
import { bareLink } from '../testing/bare-links.ts'
import { until } from '../../../../test/support/until.ts'
import { RelayClient } from './relay-client.ts'
import type { RelayCandidate } from './relay-choice.ts'

/** Relays as the client sees them: links and reservations that come and go, and round trips that change. */
class Relays {
  readonly roundTrips = new Map<string, number>()
  readonly dials: string[] = []
  readonly reserved = new Set<string>()
  readonly renewed: string[] = []
  readonly links = new Map<string, Link>()
  /** Linked, but answer no ping. */
  readonly silent = new Set<string>()
  readonly #lost = new Set<(relayId: string) => void>()

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
}

const candidates = (...names: string[]): RelayCandidate[] =>
  names.map(name => ({ peerId: name, addrs: [`/dns/${name}/tcp/1`] }))

let client: RelayClient
afterEach(() => client.stop())

function start(relays: Relays, names: string[], options = {}) {
  const changes: string[][] = []
  client = new RelayClient({
    connect: relays.connect,
    reservations: relays.reservations,
    now: () => performance.now(),
    onError: () => {},
    onTrouble: relays.onTrouble,
    measure: ({ peer: { peerId } }) =>
      relays.silent.has(peerId)
        ? new Promise(() => {})
        : Promise.resolve(relays.roundTrips.get(peerId) ?? Infinity),
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
  client.onChange(homeRelays => changes.push(homeRelays))
  client.update(candidates(...names))
  return changes
}

const home = (...expected: string[]) =>
  expect.poll(() => client.homeRelays(), { timeout: 20_000 }).toEqual(expected)

describe('a relay client', () => {
  it('reserves at the two nearest relays, the nearest as home', async () => {
    const relays = new Relays()
    for (const [name, ms] of Object.entries({ a: 30, b: 10, c: 20 })) relays.roundTrips.set(name, ms)
    start(relays, ['a', 'b', 'c'])
    await home('b', 'c')
    expect([...relays.reserved].sort()).toEqual(['b', 'c'])
  })

  it('moves home when another relay becomes clearly nearer, and not before', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 30).set('b', 40)
    const changes = start(relays, ['a', 'b'])
    await home('a', 'b')
    relays.roundTrips.set('b', 25)
    const asked = vi.spyOn(relays.roundTrips, 'get')
    await until(() => asked.mock.calls.length >= 4)
    expect(client.homeRelays()).toEqual(['a', 'b'])
    relays.roundTrips.set('b', 10)
    await home('b', 'a')
    expect(changes.at(-1)).toEqual(['b', 'a'])
  })

  it('dials a relay that went away until it is back', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20)
    start(relays, ['a', 'b'], { replaceMs: 60_000 })
    await home('a', 'b')
    relays.kill('a')
    await home('b')
    relays.roundTrips.set('a', 10)
    await home('a', 'b')
  })

  it('reserves anew where it is when the clock was set', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20)
    start(relays, ['a', 'b'])
    await home('a', 'b')
    client.clockSet()
    expect(relays.renewed.sort()).toEqual(['a', 'b'])
    expect(client.homeRelays()).toEqual(['a', 'b'])
  })

  it('replaces a relay that stays away when there is another', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20).set('c', 30)
    start(relays, ['a', 'b', 'c'])
    await home('a', 'b')
    relays.kill('a')
    await home('b', 'c')
  })

  it('replaces a relay that is gone while the other one is silent', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20).set('c', 30)
    start(relays, ['a', 'b', 'c'])
    await home('a', 'b')
    relays.silent.add('a')
    relays.kill('b')
    await home('a', 'c')
  })

  it('keeps its only relay once while that is away, and lets go of it at the end', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10)
    const changes = start(relays, ['a'])
    await home('a')
    relays.kill('a')
    // Longer than the time after which another relay would replace it.
    const dials = relays.dials.length
    await until(() => changes.length === 2 && relays.dials.length > dials + 10)
    relays.roundTrips.set('a', 10)
    await home('a')
    expect(changes).toEqual([['a'], [], ['a']])
    await client.stop()
    expect(relays.links.get('a')?.pinned).toBe(false)
  })

  it('does not tell of a loss that is over within the grace', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10)
    const changes = start(relays, ['a'], { graceMs: 2_000 })
    await home('a')
    const dials = relays.dials.length
    relays.links.get('a')?.markDown(undefined)
    await until(() => relays.dials.length > dials && client.home()?.state === 'up')
    expect(changes).toEqual([['a']])
  })

  it('goes on naming its only relay for longer: there is no other to name instead', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20)
    const changes = start(relays, ['a', 'b'], { graceMs: 10, loneGraceMs: 60_000, replaceMs: 60_000 })
    await home('a', 'b')
    relays.kill('a')
    await home('b')
    relays.kill('b')
    const dials = relays.dials.length
    await until(() => relays.dials.length > dials + 10)
    expect(client.homeRelays()).toEqual(['b'])
    expect(client.home()).toBeUndefined()
    relays.roundTrips.set('b', 20)
    await until(() => client.home()?.state === 'up')
    expect(changes.slice(-2)).toEqual([['a', 'b'], ['b']])
  })

  it('dials a relay that leaves when it has closed its link, and not before', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20)
    start(relays, ['a', 'b'])
    await home('a', 'b')
    const dialled = (name: string) => relays.dials.filter(dial => dial === name).length
    const before = dialled('a')
    relays.leave('a', 'left')
    await home('b', 'a')
    // The other one is dialled again and again meanwhile.
    for (let i = 0; i < 5; i++) {
      const count = dialled('b')
      relays.lose('b')
      await until(() => dialled('b') > count && client.homeRelays().includes('b'))
    }
    expect(dialled('a')).toBe(before)
    relays.links.get('a')?.markDown(undefined)
    await until(() => dialled('a') > before)
  })

  it('names a relay that restarts after the others, and tells nothing when it is back', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20)
    const changes = start(relays, ['a', 'b'], { replaceMs: 60_000 })
    await home('a', 'b')
    relays.leave('a', 'left')
    await home('b', 'a')
    relays.reserved.delete('a')
    relays.links.get('a')?.markDown(undefined)
    await until(() => relays.reserved.has('a') && relays.links.get('a')?.pinned)
    relays.leave('b', 'left')
    await home('a', 'b')
    expect(changes.slice(-3)).toEqual([
      ['a', 'b'],
      ['b', 'a'],
      ['a', 'b'],
    ])
  })

  it('names a relay that left no longer when it does not return', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20)
    start(relays, ['a', 'b'], { leftMs: 50 })
    await home('a', 'b')
    relays.kill('a')
    relays.leave('a', 'left')
    await home('b')
  })

  it('reserves again when the reservation alone is lost', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10)
    start(relays, ['a'])
    await home('a')
    relays.reserved.clear()
    relays.lose('a')
    await until(() => relays.reserved.has('a'))
  })

  it('leaves a relay that is no candidate any more, and dials the newest address of one that moved', async () => {
    const relays = new Relays()
    relays.roundTrips.set('a', 10).set('b', 20)
    start(relays, ['a', 'b'])
    await home('a', 'b')
    client.update([{ peerId: 'b', addrs: ['/dns/moved/tcp/2'] }])
    await home('b')
    expect(relays.reserved.has('a')).toBe(false)
    relays.links.get('b')?.markDown(undefined)
    await until(() => relays.links.get('b')?.remoteAddr === '/dns/moved/tcp/2')
  })

  it('goes on without any relay, and starts when one is told', async () => {
    const relays = new Relays()
    start(relays, [])
    expect(client.homeRelays()).toEqual([])
    relays.roundTrips.set('a', 10)
    client.update(candidates('a'))
    await home('a')
  })
})
