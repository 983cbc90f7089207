import { describe, expect, it } from 'vitest'
import { pathDefaults } from './defaults.ts'
import { verdictOf, wasLate, type Silence } from './silence.ts'

const { pathSuspectMs, pathLostMs } = pathDefaults
const base: Silence = { heardAt: 0, watchedSince: 0, working: true, askedAt: undefined, now: 0 }

describe('a silent path', () => {
  it.each<[string, Partial<Silence>, string]>([
    ['was heard just now', { heardAt: 10_000, now: 10_000 }, 'trusted'],
    ['is silent for less than the limit', { now: pathSuspectMs - 1 }, 'trusted'],
    ['is silent for as long as the limit', { now: pathSuspectMs }, 'suspect'],
    ['is silent for long', { now: pathLostMs - 1 }, 'suspect'],
    ['is silent for too long', { now: pathLostMs }, 'lost'],
    ['got work after a long rest', { watchedSince: 60_000, now: 60_000 + pathSuspectMs - 1 }, 'trusted'],
    [
      'got work after a long rest, long ago',
      { watchedSince: 60_000, now: 60_000 + pathSuspectMs },
      'suspect',
    ],
    ['has no work and was not asked', { working: false, now: 1e6 }, 'trusted'],
    [
      'has no work and owes an answer',
      { working: false, askedAt: 1_000, now: 1_000 + pathSuspectMs },
      'suspect',
    ],
    ['has no work and has time to answer', { working: false, askedAt: 1_000, now: pathSuspectMs }, 'trusted'],
  ])('that %s', (_, change, verdict) => {
    expect(verdictOf({ ...base, ...change })).toBe(verdict)
  })

  it('is suspect sooner when another path is, unless calls wait on it', () => {
    const idle = { ...base, working: false, askedAt: 0, now: pathDefaults.jointSuspectMs }
    expect(verdictOf(idle)).toBe('trusted')
    expect(verdictOf(idle, true)).toBe('suspect')
    expect(verdictOf({ ...idle, working: true }, true)).toBe('trusted')
  })

  it('proves nothing after the own event loop was late', () => {
    expect(wasLate(pathDefaults.pathTickMs + 10)).toBe(false)
    expect(wasLate(5_000)).toBe(true)
  })
})
