import { expect, it } from 'vitest'
import { TimerWheel } from '../../core/timer-wheel.ts'
import { PipePace } from './pipe-pace.ts'

/** A path whose pings are answered by hand. */
function path() {
  const pings: (() => void)[] = []
  const wheel = new TimerWheel()
  const pace = new PipePace({ wheel, ping: () => new Promise<void>(resolve => pings.push(resolve)) })
  const answer = async () => {
    for (const resolve of pings.splice(0)) resolve()
    await Promise.resolve()
    await Promise.resolve()
  }
  return { pace, pings, answer, stop: () => wheel.stop() }
}

/** A sender that always has more; `sent` counts its pieces. */
function sender(pace: PipePace, bytes = 64 * 1024) {
  const state = { pieces: 0 }
  const go = (): void => {
    for (;;) {
      const room = pace.room(bytes)
      if (room === 0) return pace.whenRoom(go)
      pace.sent(room)
      state.pieces++
    }
  }
  go()
  return state
}

it('keystrokes go at once and ask for nothing', () => {
  const { pace, pings, stop } = path()
  for (let key = 0; key < 40; key++) {
    expect(pace.room(100)).toBe(100)
    pace.sent(100)
  }
  expect(pings).toHaveLength(0)
  expect(pace.room(100)).toBe(0)
  stop()
})

it('the first piece waits for a ping; what is on its way is bounded by what was read', async () => {
  const { pace, answer, stop } = path()
  const sending = sender(pace)
  expect(sending.pieces).toBe(0)
  await answer()
  const first = sending.pieces
  expect(first).toBeGreaterThan(0)
  expect(pace.room(64 * 1024)).toBe(0)
  await answer()
  expect(sending.pieces).toBeGreaterThan(first)
  stop()
})

it('several senders take turns', async () => {
  const { pace, answer, stop } = path()
  const senders = [sender(pace), sender(pace), sender(pace)]
  for (let round = 0; round < 60; round++) await answer()
  const pieces = senders.map(({ pieces }) => pieces)
  expect(Math.min(...pieces)).toBeGreaterThan(5)
  expect(Math.max(...pieces) - Math.min(...pieces)).toBeLessThanOrEqual(2)
  stop()
})
