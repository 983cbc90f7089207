import { describe, expect, it } from 'vitest'
import { compressionDefaults } from './defaults.ts'
import { SimulatedPath } from './testing/simulated-path.ts'

const variants = (['packets', 'lumps'] as const).flatMap(hop =>
  [0, 10].flatMap(jitter => [11, 7_919].map(seed => ({ hop, jitter, seed }))),
)

describe('the rate of a path', () => {
  it.each([
    { name: '1 Mbit/s, 60 ms away', rate: 125, roundTrip: 60 },
    { name: '4 Mbit/s, 200 ms away', rate: 500, roundTrip: 200 },
    { name: '20 Mbit/s, 40 ms away', rate: 2_500, roundTrip: 40 },
    { name: '100 Mbit/s, near', rate: 12_500, roundTrip: 1 },
  ])('is measured within two fifths: $name', ({ rate, roundTrip }) => {
    for (const variant of variants) {
      const path = new SimulatedPath({ rate, roundTrip, ...variant })
      path.run(4_000)
      const of = path.window.bytesPerMs / rate
      expect(Math.abs(of - 1), JSON.stringify(variant)).toBeLessThan(0.4)
    }
  })

  it.each([
    { name: '1 Gbit/s, near', rate: 125_000, roundTrip: 1 },
    { name: '4 Gbit/s, here', rate: 500_000, roundTrip: 0.2 },
  ])('is never that of a slow one: $name', ({ rate, roundTrip }) => {
    for (const variant of variants) {
      const path = new SimulatedPath({ rate, roundTrip, ...variant })
      path.run(2_000)
      expect(path.window.bytesPerMs, JSON.stringify(variant)).toBeGreaterThan(
        compressionDefaults.slowBytesPerMs,
      )
    }
  })

  it('follows a path that becomes slow, and one that becomes fast', () => {
    const path = new SimulatedPath({ rate: 500_000, roundTrip: 5 })
    path.run(1_000)
    path.rate = 500
    path.run(10_000)
    expect(path.window.bytesPerMs / 500).toBeCloseTo(1, 0)
    path.rate = 50_000
    path.run(3_000)
    expect(path.window.bytesPerMs).toBeGreaterThan(compressionDefaults.slowBytesPerMs)
  })
})
