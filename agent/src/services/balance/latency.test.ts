import { expect, it } from 'vitest'
import { PeakEwma } from './latency.ts'

it('counts a slower answer at once, a faster one little by little, and fades without any', () => {
  const latency = new PeakEwma()
  expect([latency.known, latency.at(0)]).toEqual([false, 0])
  latency.answered(10, 0)
  latency.answered(100, 0)
  expect(latency.at(0)).toBe(100)
  latency.answered(10, 1_000)
  expect(latency.at(1_000)).toBeCloseTo(91.4, 1)
  expect(latency.at(11_000)).toBeCloseTo(33.6, 1)
  expect(latency.at(900)).toBeLessThanOrEqual(91.5)
})

it('counts what says nothing good only where it is slower', () => {
  const latency = new PeakEwma()
  latency.answered(10, 0)
  latency.atLeast(5, 0)
  expect(latency.at(0)).toBe(10)
  latency.atLeast(20, 0)
  expect(latency.at(0)).toBe(20)
  latency.restart(1, 0)
  expect(latency.at(0)).toBe(1)
})

it('is trusted more with each answer, and less the longer ago the last one was', () => {
  const latency = new PeakEwma()
  expect(latency.trust(0)).toBe(0)
  latency.answered(10, 0)
  expect(latency.trust(0)).toBe(1 / 8)
  latency.answered(10, 0)
  expect(latency.trust(0)).toBeCloseTo(2 / 9)
  expect(latency.trust(10_000)).toBeCloseTo(2 / 9 / Math.E)
  expect(latency.last).toBe(10)
  latency.restart(10, 0)
  expect(latency.trust(0)).toBe(1 / 8)
})
