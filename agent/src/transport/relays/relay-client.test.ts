import { afterEach, describe, expect, it, vi } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { candidates, Relays } from '../testing/fake-relays.ts'
import type { RelayClient } from './relay-client.ts'

let client: RelayClient
afterEach(() => client.stop())

function start(relays: Relays, names: string[], options = {}) {
  const started = relays.start(names, options)
  client = started.client
  return started.changes
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
