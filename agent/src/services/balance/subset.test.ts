import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Subset } from './subset.ts'

const unknown = () => undefined
const places = (
  subset: Subset,
  count: number,
  size: number,
  distanceAt: (at: number) => number | undefined = unknown,
) => Array.from({ length: count }, (_, nth) => subset.place(nth, { count, size }, distanceAt))

describe('the subset of a caller', () => {
  it('grows with its calls of late and those in flight, and never beyond the list', () => {
    const subset = new Subset(() => 0)
    expect([subset.count(1), subset.count(100)]).toEqual([1, 2])
    for (let i = 0; i < 48; i++) subset.choosing(0)
    expect([subset.count(3), subset.count(100)]).toEqual([3, 5])
    subset.inFlight = 10
    expect(subset.count(100)).toBe(25)
    subset.inFlight = 0
    subset.choosing(60_000)
    expect(subset.count(100)).toBe(2)
  })

  it('holds each provider once, wherever it begins and however far they are', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.array(fc.option(fc.nat(300), { nil: undefined }), { minLength: 1, maxLength: 12 }),
        fc.nat(11),
        (start, ms, less) => {
          const count = Math.max(1, ms.length - less)
          const held = places(new Subset(() => start), count, ms.length, at => ms[at])
          expect(new Set(held).size).toBe(count)
          expect(held.every(at => at >= 0 && at < ms.length)).toBe(true)
        },
      ),
    )
  })

  it('keeps all but one of its providers when the list is longer or shorter by one', () => {
    for (let start = 0; start < 1; start += 0.07) {
      const subset = new Subset(() => start)
      const [before, after] = [places(subset, 4, 10), places(subset, 4, 11)]
      expect(before.filter(at => after.includes(at)).length).toBeGreaterThanOrEqual(3)
    }
  })

  it('prefers a provider that is nearer by a lot, at every second place', () => {
    const subset = new Subset(() => 0)
    const held = (...ms: (number | undefined)[]) => places(subset, 2, ms.length, at => ms[at])
    expect(held(190, 190, 10, 10, 1)).toEqual([2, 1])
    expect(held(0.9, 4, 0.1, 0.1)).toEqual([0, 1])
    expect(held(190, 100, 100, 60)).toEqual([0, 1])
    expect(held(undefined, 100, 1, undefined)).toEqual([0, 1])
  })
})
