import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { candidates, Relays } from '../testing/fake-relays.ts'

let relays: Relays
beforeEach(() => {
  relays = new Relays()
})
afterEach(() => relays.client.stop())

describe('a relay client whose relay leaves', () => {
  it('dials a relay that leaves when it has closed its link, and not before', async () => {
    await relays.startHomed()
    const dialled = (name: string) => relays.dials.filter(dial => dial === name).length
    const before = dialled('a')
    relays.leave('a', 'left')
    await relays.home('b', 'a')
    // The other one is dialled again and again meanwhile.
    for (let i = 0; i < 5; i++) {
      const count = dialled('b')
      relays.lose('b')
      await until(() => dialled('b') > count && relays.client.homeRelays().includes('b'))
    }
    expect(dialled('a')).toBe(before)
    relays.links.get('a')?.markDown(undefined)
    await until(() => dialled('a') > before)
  })

  it('names a relay that restarts after the others, and tells nothing when it is back', async () => {
    const changes = await relays.startHomed({ replaceMs: 60_000, graceMs: 0 })
    relays.leave('a', 'left')
    await relays.home('b', 'a')
    relays.reserved.delete('a')
    relays.links.get('a')?.markDown(undefined)
    await until(() => relays.reserved.has('a') && relays.links.get('a')?.pinned)
    relays.leave('b', 'left')
    await relays.home('a', 'b')
    expect(changes.slice(-3)).toEqual([
      ['a', 'b'],
      ['b', 'a'],
      ['a', 'b'],
    ])
  })

  it('names a relay that left no longer when it does not return', async () => {
    await relays.startHomed({ leftMs: 50, replaceMs: 60_000, measureMs: 60_000 })
    relays.kill('a')
    relays.leave('a', 'left')
    await relays.home('b')
  })

  it('tells once of a relay that left and of the one in its place', async () => {
    const changes = await relays.startHomed({ replaceMs: 60_000 }, ['a', 'b', 'c'])
    relays.roundTrips.set('c', 30)
    relays.leave('a', 'left')
    await relays.home('b', 'c')
    expect(changes.slice(-3)).toEqual([
      ['a', 'b'],
      ['b', 'a'],
      ['b', 'c'],
    ])
  })

  it('names a relay that left no longer when it is no candidate any more', async () => {
    const { reserve } = relays.reservations
    relays.reservations.reserve = name => (name === 'c' ? Promise.reject(new Error('full')) : reserve(name))
    await relays.startHomed({ replaceMs: 60_000 }, ['a', 'b', 'c'])
    relays.roundTrips.set('c', 30)
    relays.leave('a', 'left')
    // Its place is taken by c, which has no reservation.
    await until(() => !relays.reserved.has('a'))
    expect(relays.client.homeRelays()).toEqual(['b', 'a'])
    relays.client.update(candidates('b', 'c'))
    await relays.home('b')
  })

  it('goes on naming its only relay after that left, as after a loss', async () => {
    relays.roundTrips.set('a', 10)
    const changes = relays.start(['a'], { leftMs: 20, loneGraceMs: 60_000 })
    await relays.home('a')
    relays.leave('a', 'left')
    const dials = relays.dials.length
    relays.kill('a')
    await until(() => relays.dials.length > dials + 10)
    expect(changes).toEqual([['a']])
  })
})
