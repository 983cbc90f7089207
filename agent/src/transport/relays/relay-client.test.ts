import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { candidates, Relays } from '../testing/fake-relays.ts'

let relays: Relays
beforeEach(() => {
  relays = new Relays()
})
afterEach(() => relays.client.stop())

describe('a relay client', () => {
  it('reserves at the two nearest relays, the nearest as home', async () => {
    for (const [name, ms] of Object.entries({ a: 30, b: 10, c: 20 })) relays.roundTrips.set(name, ms)
    relays.start(['a', 'b', 'c'])
    await relays.home('b', 'c')
    expect([...relays.reserved].sort()).toEqual(['b', 'c'])
  })

  it('moves home when another relay becomes clearly nearer, and not before', async () => {
    relays.roundTrips.set('a', 30).set('b', 40)
    const changes = relays.start(['a', 'b'])
    await relays.home('a', 'b')
    relays.roundTrips.set('b', 25)
    const asked = vi.spyOn(relays.roundTrips, 'get')
    await until(() => asked.mock.calls.length >= 4)
    expect(relays.client.homeRelays()).toEqual(['a', 'b'])
    relays.roundTrips.set('b', 10)
    await relays.home('b', 'a')
    expect(changes.at(-1)).toEqual(['b', 'a'])
  })

  it('dials a relay that went away until it is back', async () => {
    await relays.startHomed({ replaceMs: 60_000, measureMs: 60_000 })
    relays.kill('a')
    await relays.home('b')
    relays.roundTrips.set('a', 10)
    await relays.home('a', 'b')
  })

  it('reserves anew where it is when the clock was set', async () => {
    await relays.startHomed()
    relays.client.clockSet()
    expect(relays.renewed.sort()).toEqual(['a', 'b'])
    expect(relays.client.homeRelays()).toEqual(['a', 'b'])
  })

  it('replaces a relay that stays away when there is another', async () => {
    relays.roundTrips.set('c', 30)
    await relays.startHomed({}, ['a', 'b', 'c'])
    relays.kill('a')
    await relays.home('b', 'c')
  })

  it('replaces a relay that is gone while the other one is silent', async () => {
    relays.roundTrips.set('c', 30)
    await relays.startHomed({}, ['a', 'b', 'c'])
    relays.silent.add('a')
    relays.kill('b')
    await relays.home('a', 'c')
  })

  it('keeps its only relay once while that is away, and lets go of it at the end', async () => {
    relays.roundTrips.set('a', 10)
    const changes = relays.start(['a'])
    await relays.home('a')
    relays.kill('a')
    // Longer than the time after which another relay would replace it.
    const dials = relays.dials.length
    await until(() => changes.length === 2 && relays.dials.length > dials + 10)
    relays.roundTrips.set('a', 10)
    await relays.home('a')
    expect(changes).toEqual([['a'], [], ['a']])
    await relays.client.stop()
    expect(relays.links.get('a')?.pinned).toBe(false)
  })

  it('does not tell of a loss that is over within the grace', async () => {
    relays.roundTrips.set('a', 10)
    const changes = relays.start(['a'], { graceMs: 2_000 })
    await relays.home('a')
    const dials = relays.dials.length
    relays.links.get('a')?.markDown(undefined)
    await until(() => relays.dials.length > dials && relays.client.home()?.state === 'up')
    expect(changes).toEqual([['a']])
  })

  it('goes on naming its only relay for longer: there is no other to name instead', async () => {
    const changes = await relays.startHomed({ graceMs: 10, loneGraceMs: 60_000, replaceMs: 60_000 })
    relays.kill('a')
    await relays.home('b')
    relays.kill('b')
    const dials = relays.dials.length
    await until(() => relays.dials.length > dials + 10)
    expect(relays.client.homeRelays()).toEqual(['b'])
    expect(relays.client.home()).toBeUndefined()
    relays.roundTrips.set('b', 20)
    await until(() => relays.client.home()?.state === 'up')
    expect(changes.slice(-2)).toEqual([['a', 'b'], ['b']])
  })

  it('reserves again when the reservation alone is lost', async () => {
    relays.roundTrips.set('a', 10)
    relays.start(['a'])
    await relays.home('a')
    relays.reserved.clear()
    relays.lose('a')
    await until(() => relays.reserved.has('a'))
  })

  it('leaves a relay that is no candidate any more, and dials the newest address of one that moved', async () => {
    await relays.startHomed()
    relays.client.update([{ peerId: 'b', addrs: ['/dns/moved/tcp/2'] }])
    await relays.home('b')
    expect(relays.reserved.has('a')).toBe(false)
    relays.links.get('b')?.markDown(undefined)
    await until(() => relays.links.get('b')?.remoteAddr === '/dns/moved/tcp/2')
  })

  it('goes on without any relay, and starts when one is told', async () => {
    relays.start([])
    expect(relays.client.homeRelays()).toEqual([])
    relays.roundTrips.set('a', 10)
    relays.client.update(candidates('a'))
    await relays.home('a')
  })
})
