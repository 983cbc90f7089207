import { describe, expect, it } from 'vitest'
import { windowDefaults } from './defaults.ts'
import { SendWindow } from './send-window.ts'
import { SimulatedPath } from './testing/simulated-path.ts'

/** Each simulated several times: both kinds of hop, a quiet machine and a busy one, other luck. */
const variants = (['packets', 'lumps'] as const).flatMap(hop =>
  [0, 2, 10].flatMap(jitter => [11, 7_919, 104_729].map(seed => ({ hop, jitter, seed }))),
)

describe('SendWindow', () => {
  it.each([
    { name: '1 Mbit/s, near', rate: 125, roundTrip: 1, most: 200 },
    { name: '1 Mbit/s, 20 ms away', rate: 125, roundTrip: 20, most: 200 },
    { name: '1 Mbit/s, 60 ms away', rate: 125, roundTrip: 60, most: 200 },
    { name: '4 Mbit/s, 200 ms away', rate: 500, roundTrip: 200, most: 400 },
    { name: '20 Mbit/s, 40 ms away', rate: 2_500, roundTrip: 40, most: 200 },
    { name: '100 Mbit/s, near', rate: 12_500, roundTrip: 1, most: 150 },
  ])('fills a path of $name, and a ping beside it takes $most ms at most', ({ rate, roundTrip, most }) => {
    for (const variant of variants) {
      const path = new SimulatedPath({ rate, roundTrip, ...variant })
      path.run(2_000)
      const { share, pings } = path.run(7_000)
      expect(pings[pings.length >> 1], `median ping, ${JSON.stringify(variant)}`).toBeLessThan(most)
      expect(share, `share of the path, ${JSON.stringify(variant)}`).toBeGreaterThan(0.8)
    }
  })

  it('waits for a ping over the empty path before the first part and once a minute, as parts make their own queue', () => {
    const window = new SendWindow()
    expect([window.hasRoom(0), window.wantsPing(0)]).toEqual([false, true])
    window.measured(0, 20)
    expect([window.hasRoom(20), window.wantsPing(20)]).toEqual([true, false])
    window.sent(4_096, 20)
    const later = 20 + windowDefaults.baseMs
    expect([window.hasRoom(later), window.wantsPing(later)]).toEqual([false, false])
    window.delivered(1, later)
    window.measured(30, later + 1)
    expect([window.hasRoom(later + 1), window.wantsPing(later + 1)]).toEqual([false, true])
    window.measured(later + 1, later + 21)
    expect(window.hasRoom(later + 21)).toBe(true)
  })

  it('grows to its limit on a fast path, gives way when the path becomes slow, and begins anew after a rest', () => {
    const path = new SimulatedPath({ rate: 500_000, roundTrip: 0.2 })
    path.run(200)
    expect(path.window.bytes).toBe(windowDefaults.maxBytes)
    expect(path.window.partBytes).toBe(windowDefaults.maxPartBytes)
    path.rate = 125
    path.run(20_000)
    expect(path.window.bytes).toBeLessThan(32 * 1024)
    path.rate = 500_000
    path.run(1_000)
    expect(path.window.bytes).toBeGreaterThan(windowDefaults.startBytes)
    path.rest(windowDefaults.restMs + 1)
    path.run(0)
    expect(path.window.bytes).toBe(windowDefaults.startBytes)
  })

  it('fills the path again when its round trip has become longer for good', () => {
    const path = new SimulatedPath({ rate: 500, roundTrip: 1 })
    path.run(1_000)
    path.roundTrip = 300
    path.run(200_000)
    const { share, pings } = path.run(10_000)
    expect(share).toBeGreaterThan(0.8)
    expect(pings[pings.length >> 1]).toBeLessThan(500)
  })

  it('refuses a count of parts that were never sent', () => {
    const window = new SendWindow()
    window.sent(4_096, 0)
    window.delivered(1, 1)
    window.delivered(1, 2)
    expect(window.inFlight).toBe(0)
    expect(() => window.delivered(2, 3)).toThrow(expect.objectContaining({ code: 'protocol_error' }))
    expect(() => window.delivered(0, 3)).toThrow(expect.objectContaining({ code: 'protocol_error' }))
  })
})
