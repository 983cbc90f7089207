import fc from 'fast-check'
import { limits } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import { agentDefaults } from './defaults.ts'
import { HomeRoundTrips, isBigStep, wholeRtts } from './home-round-trips.ts'

describe('a change of a round trip', () => {
  it.each<[string, number[], number[], boolean]>([
    ['of half', [40], [60], true],
    ['of less than half', [100], [149], false],
    ['of less than 20 ms, as a busy start makes', [20], [1], false],
    ['of 20 ms to many times', [1], [21], true],
    ['to less', [60, 60], [60, 40], true],
    ['of a relay that is known now', [30], [30, 40], true],
    ['of a relay that is not known any more', [30, 40], [30], false],
  ])('%s is a big step: %s to %s', (_, listed, next, big) => expect(isBigStep(listed, next)).toBe(big))

  it('is a big step the other way round as well', () => {
    const ms = fc.integer({ min: 0, max: limits.homeRttMs })
    fc.assert(fc.property(ms, ms, (a, b) => isBigStep([a], [b]) === isBigStep([b], [a])))
  })
})

it('round trips are listed in whole ms, up to the first relay that is not measured', () => {
  const measured: Record<string, number> = { a: 1.6, b: 1e9, c: Infinity }
  const toRelay = (relay: string) => measured[relay]
  expect(wholeRtts(['a', 'b'], toRelay)).toEqual([2, limits.homeRttMs])
  expect(wholeRtts(['a', 'c'], toRelay)).toEqual([2])
  expect(wholeRtts(['x', 'a'], toRelay)).toEqual([])
})

describe('the round trips of the own record', () => {
  const open = (metered = false) => {
    const at = { now: 0, ms: 10 as number | undefined }
    const published: number[][] = []
    const trips = new HomeRoundTrips({
      toRelay: () => at.ms,
      metered,
      publish: homeRttMs => published.push(homeRttMs),
      now: () => at.now,
    })
    return { at, published, trips }
  }

  it('go with new home relays, and for themselves by big steps', () => {
    const { at, published, trips } = open()
    expect(trips.moveTo(['home', 'standby'])).toEqual([10, 10])
    at.ms = 40
    trips.measured()
    expect(published).toEqual([])
    at.now = agentDefaults.homeRttFirstMs
    trips.measured()
    trips.measured()
    expect(published).toEqual([[40, 40]])
    at.ms = 41
    at.now += agentDefaults.homeRttEveryMs
    trips.measured()
    expect(published).toHaveLength(1)
  })

  it('stay twice as long each time, up to 15 min', () => {
    const { at, published, trips } = open()
    trips.moveTo(['home'])
    const stays = [30, 60, 120, 240, 480, 900, 900].map(seconds => seconds * 1_000)
    for (const [i, stay] of stays.entries()) {
      at.ms = i % 2 === 0 ? 80 : 10
      at.now += stay - 1
      trips.measured()
      expect(published).toHaveLength(i)
      at.now += 1
      trips.measured()
      expect(published).toHaveLength(i + 1)
    }
  })

  it('are listed at once where none was measured when the home relay was chosen', () => {
    const { at, published, trips } = open()
    at.ms = undefined
    expect(trips.moveTo(['home'])).toBeUndefined()
    trips.measured()
    expect(published).toEqual([])
    at.ms = 10
    trips.measured()
    expect(published).toEqual([[10]])
  })

  it('are never published for themselves where each byte costs', () => {
    const { at, published, trips } = open(true)
    expect(trips.moveTo(['home'])).toEqual([10])
    at.ms = 900
    at.now = 1e9
    trips.measured()
    expect(published).toEqual([])
    expect(trips.moveTo(['home'])).toEqual([900])
  })
})
