import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { estimatedRttMs, RoundTrips } from './round-trips.ts'

const ms = fc.integer({ min: 0, max: 60_000 })
/** Relays with the round trips of both members to them; undefined: that side does not know it. */
const relays = fc.array(fc.record({ own: fc.option(ms, { nil: undefined }), theirs: ms }), { maxLength: 2 })
const estimate = (list: { own: number | undefined; theirs: number }[]) =>
  estimatedRttMs(
    { homeRelays: list.map((_, i) => `r${i}`), homeRttMs: list.map(({ theirs }) => theirs) },
    relay => list[Number(relay.slice(1))]?.own,
  )

describe('an estimated round trip', () => {
  it('is that over the best relay that both know, and unknown without one', () => {
    fc.assert(
      fc.property(relays, list => {
        const sums = list.flatMap(({ own, theirs }) => (own === undefined ? [] : [own + theirs]))
        expect(estimate(list)).toBe(sums.length === 0 ? undefined : Math.min(...sums))
      }),
    )
  })

  it('never falls when a relay is farther away, and never grows with one more relay', () => {
    fc.assert(
      fc.property(relays, fc.record({ own: ms, theirs: ms }), ms, (list, more, farther) => {
        const far = list.map(({ own, theirs }) => ({ own, theirs: theirs + farther }))
        expect(estimate(far) ?? Infinity).toBeGreaterThanOrEqual(estimate(list) ?? Infinity)
        expect(estimate([...list, more]) ?? Infinity).toBeLessThanOrEqual(estimate(list) ?? Infinity)
      }),
    )
  })

  it('of two members on a line is never below the true one: relays make no way shorter', () => {
    const place = fc.integer({ min: -10_000, max: 10_000 })
    fc.assert(
      fc.property(place, place, fc.array(place, { minLength: 1, maxLength: 2 }), (self, other, at) => {
        const way = (a: number, b: number) => Math.abs(a - b)
        const list = at.map(relay => ({ own: way(self, relay), theirs: way(relay, other) }))
        expect(estimate(list)).toBeGreaterThanOrEqual(way(self, other))
      }),
    )
  })

  it('needs round trips in the record: those of earlier versions have none', () => {
    expect(estimatedRttMs({ homeRelays: ['r0'] }, () => 5)).toBeUndefined()
    expect(estimatedRttMs({ homeRelays: ['r0', 'r1'], homeRttMs: [7] }, () => 5)).toBe(12)
  })
})

describe('round trips', () => {
  const links = new Map([['linked', { rttMs: 3 }]])
  const record = { homeRelays: ['relay'], homeRttMs: [40] }
  const open = () =>
    new RoundTrips({
      links: { best: peerId => links.get(peerId) },
      map: { get: peerId => (peerId === 'unknown' ? undefined : { record }) },
    })

  it('of members with a link are measured ones, of others estimates', () => {
    const trips = open()
    trips.measured('relay', 10)
    expect(trips.to('linked')).toBe(3)
    expect(trips.to('other')).toBe(50)
    expect(trips.to('unknown')).toBeUndefined()
  })

  it('to a relay are measured twice the first time, and the shorter one counts', async () => {
    const trips = open()
    const pings = [90, 4, 6]
    const ping = () => Promise.resolve(pings.shift() ?? Number.NaN)
    expect(await trips.measure('relay', ping)).toBe(4)
    expect(trips.toRelay('relay')).toBe(4)
    expect(await trips.measure('relay', ping), 'of which a busy moment makes no difference').toBe(4)
    expect(pings).toEqual([])
  })

  it('take the shortest of the last three to a relay, and none of another network', () => {
    const trips = open()
    for (const each of [5, 80, 70]) trips.measured('relay', each)
    expect(trips.toRelay('relay')).toBe(5)
    trips.measured('relay', 90)
    expect(trips.toRelay('relay')).toBe(70)
    trips.forget()
    expect(trips.toRelay('relay')).toBeUndefined()
    expect(trips.toRelay('linked')).toBe(3)
  })
})
