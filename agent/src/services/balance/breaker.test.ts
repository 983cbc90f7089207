import { describe, expect, it } from 'vitest'
import { seeded } from '../testing/balance-simulation.ts'
import { Breaker } from './breaker.ts'
import { resilienceOf, type BreakerSettings } from './resilience.ts'

const settings = resilienceOf().breaker as BreakerSettings
const breaker = () => new Breaker(settings)
const sure = () => 1

describe('a breaker', () => {
  it('wants to open after five failures in a row, and not when an answer came between', () => {
    const counted = breaker()
    const fail = () => counted.failed(0, 0, sure)
    expect([fail(), fail(), fail(), fail()]).toEqual(Array(4).fill(undefined))
    counted.succeeded(0, 0)
    expect([fail(), fail(), fail(), fail(), fail()]).toEqual([
      ...Array<undefined>(4).fill(undefined),
      'consecutive',
    ])
  })

  /** Failures and answers in turns, one each `everyMs`. @returns the call at which it should open */
  const openedAt = (everyMs: number, isFailure: (call: number) => boolean): number | undefined => {
    const counted = breaker()
    for (let call = 1; call <= 200; call++) {
      const now = call * everyMs
      if (!isFailure(call)) counted.succeeded(now, now)
      else if (counted.failed(now, now, sure) !== undefined) return call
    }
    return undefined
  }

  it('wants to open when less than half of at least 20 calls in 10 s are answered', () => {
    expect(openedAt(100, call => call % 3 !== 0)).toBe(20)
    expect(openedAt(100, call => call % 5 < 2)).toBeUndefined()
    expect(openedAt(1_000, call => call % 3 !== 0)).toBeUndefined()
  })

  it('is asked again after 1 s, then after twice as long each time, 30 s at most', () => {
    const counted = breaker()
    const pauses: number[] = []
    counted.open(0, sure)
    for (let now = counted.probeAt; pauses.length < 7; now = counted.probeAt) {
      counted.probe(now)
      expect(counted.state).toBe('half-open')
      counted.failed(now, now, sure)
      pauses.push(counted.probeAt - now)
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  })

  it('has a probe within 5 s of the end of an outage of 10 s, whatever the jitter', () => {
    for (let seed = 1; seed < 200; seed++) {
      const counted = breaker()
      const random = seeded(seed)
      counted.open(0, random)
      let now = counted.probeAt
      for (; now < 10_000; now = counted.probeAt) counted.failed(now, now, random)
      expect(now).toBeLessThanOrEqual(15_000)
    }
  })

  it('closes with the answer of a call that began after it opened, and starts anew', () => {
    const counted = breaker()
    counted.open(100, sure)
    expect(counted.succeeded(99, 150)).toBe(false)
    counted.failed(99, 160, sure)
    expect(counted.probeAt).toBe(1_100)
    expect(counted.succeeded(1_100, 1_110)).toBe(true)
    expect(counted.state).toBe('closed')
    counted.open(2_000, sure)
    expect(counted.probeAt).toBe(3_000)
  })
})
