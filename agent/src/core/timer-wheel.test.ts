import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TimerWheel, WheelEntry, type WheelClock } from './timer-wheel.ts'

class ManualClock implements WheelClock {
  ms = 0
  readonly timers = new Set<() => void>()
  /** Timers started so far. */
  started = 0

  now(): number {
    return this.ms
  }

  every(_ms: number, callback: () => void): () => void {
    this.started++
    this.timers.add(callback)
    return () => this.timers.delete(callback)
  }

  advance(ms: number): void {
    this.ms += ms
    for (const callback of [...this.timers]) callback()
  }
}

class Entry extends WheelEntry {
  readonly firedAt: number[] = []
  readonly clock: ManualClock
  readonly onFire: () => void

  constructor(clock: ManualClock, onFire = () => {}) {
    super()
    this.clock = clock
    this.onFire = onFire
  }

  override expire(): void {
    this.firedAt.push(this.clock.ms)
    this.onFire()
  }
}

const tickMs = 10
const operation = fc.oneof(
  fc.record({ op: fc.constant('schedule' as const), ms: fc.integer({ min: 0, max: 900 }) }),
  fc.record({ op: fc.constant('cancel' as const), ms: fc.nat() }),
  fc.record({ op: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 400 }) }),
)

describe('TimerWheel', () => {
  it('lets each entry expire once, never early, by the first tick after its time, unless cancelled', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), operations => {
        const clock = new ManualClock()
        const wheel = new TimerWheel(clock, tickMs, 16)
        const waiting: { entry: Entry; due: number }[] = []
        const cancelled: { entry: Entry; fired: number }[] = []
        for (const { op, ms } of operations) {
          if (op === 'schedule') {
            const entry = new Entry(clock)
            wheel.schedule(entry, clock.ms + ms)
            waiting.push({ entry, due: clock.ms + ms })
          } else if (op === 'cancel' && waiting.length > 0) {
            for (const { entry } of waiting.splice(ms % waiting.length, 1)) {
              cancelled.push({ entry, fired: entry.firedAt.length })
              wheel.cancel(entry)
            }
          } else if (op === 'advance') {
            clock.advance(ms)
          }
          for (const { entry, due } of waiting) {
            if (entry.firedAt.length > 0) expect(entry.firedAt[0]).toBeGreaterThanOrEqual(due)
            else if (op === 'advance') expect(clock.ms).toBeLessThan(due + 2 * tickMs)
            expect(entry.firedAt.length).toBeLessThanOrEqual(1)
          }
        }
        expect(cancelled.every(({ entry, fired }) => entry.firedAt.length === fired)).toBe(true)
        expect(wheel.size).toBe(waiting.filter(({ entry }) => entry.firedAt.length === 0).length)
      }),
    )
  })

  it('survives entries that cancel and schedule others while they expire', () => {
    const clock = new ManualClock()
    const wheel = new TimerWheel(clock, tickMs, 16)
    const second = new Entry(clock)
    const third = new Entry(clock)
    const first = new Entry(clock, () => {
      wheel.cancel(second)
      wheel.schedule(third, clock.ms)
    })
    wheel.schedule(first, 5)
    wheel.schedule(second, 5)
    clock.advance(10)
    clock.advance(10)
    expect([first.firedAt, second.firedAt, third.firedAt]).toEqual([[10], [], [20]])
  })

  it('expires everything that is due after the event loop was blocked for longer than a lap', () => {
    const clock = new ManualClock()
    const wheel = new TimerWheel(clock, tickMs, 16)
    const entries = Array.from({ length: 40 }, (_, i) => {
      const entry = new Entry(clock)
      wheel.schedule(entry, i * 7)
      return entry
    })
    clock.advance(5_000)
    expect(entries.every(entry => entry.firedAt.length === 1)).toBe(true)
    expect(wheel.size).toBe(0)
  })

  it('rests when nothing waited for 200 ms and starts again with the next entry', () => {
    const clock = new ManualClock()
    const wheel = new TimerWheel(clock, tickMs, 16)
    const entry = new Entry(clock)
    wheel.schedule(entry, 5)
    expect(clock.timers.size).toBe(1)
    for (let i = 0; i < 22; i++) clock.advance(10)
    expect(clock.timers.size).toBe(0)
    wheel.schedule(entry, clock.ms + 5)
    clock.advance(10)
    expect(entry.firedAt).toHaveLength(2)
    wheel.stop()
    wheel.stop()
    expect(clock.timers.size).toBe(0)
  })

  it('keeps its timer between calls after each rest, not only before the first', () => {
    const clock = new ManualClock()
    const wheel = new TimerWheel(clock, tickMs, 16)
    const call = () => {
      const entry = new Entry(clock)
      wheel.schedule(entry, clock.ms + 1_000)
      wheel.cancel(entry)
      clock.advance(10)
    }
    for (let calls = 0; calls < 10; calls++) call()
    for (let ticks = 0; ticks < 22; ticks++) clock.advance(10)
    expect([clock.timers.size, clock.started]).toEqual([0, 1])
    for (let calls = 0; calls < 10; calls++) call()
    expect(clock.started).toBe(2)
  })
})
