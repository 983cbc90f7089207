import { expect, it } from 'vitest'
import { TypicalLatency } from './typical-latency.ts'

it('is the mean of the first answers, then follows the last ones', () => {
  const typical = new TypicalLatency()
  expect(typical.ms).toBe(0)
  for (const ms of [10, 20, 30]) typical.answered(ms)
  expect(typical.ms).toBeCloseTo(20)
  for (let i = 0; i < 100; i++) typical.answered(80)
  expect(typical.ms).toBeCloseTo(80)
})

it('is expected of a provider as far as its own answers are not trusted', () => {
  const typical = new TypicalLatency()
  typical.answered(30)
  expect([0, 0.5, 1].map(trust => typical.expected(10, trust))).toEqual([30, 20, 10])
})
