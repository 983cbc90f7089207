import { expect, it } from 'vitest'
import { LatencySketch } from './latency-sketch.ts'

it('tells a quantile, up to a quarter too long', () => {
  const sketch = new LatencySketch()
  expect(sketch.quantile(0.95)).toBe(0)
  for (let ms = 1; ms <= 900; ms++) sketch.add(ms)
  for (const share of [0.5, 0.9, 0.95]) {
    expect(sketch.quantile(share)).toBeGreaterThanOrEqual(900 * share)
    expect(sketch.quantile(share)).toBeLessThanOrEqual(900 * share * 1.26)
  }
})

it('follows latencies that have changed, and takes any number', () => {
  const sketch = new LatencySketch()
  for (let i = 0; i < 5_000; i++) sketch.add(1)
  for (let i = 0; i < 3_000; i++) sketch.add(100)
  expect(sketch.quantile(0.5)).toBeGreaterThan(90)
  expect(sketch.size).toBeLessThan(1_000)
  for (const ms of [0, -1, 1e9]) sketch.add(ms)
  expect(sketch.quantile(1)).toBeGreaterThan(60_000)
})
