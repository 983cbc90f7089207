import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sleep, startTimer, timerDelay, timeoutSignal } from './timers.ts'

const day = 86_400_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('startTimer()', () => {
  it.each([0, 1, 1_000, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 50 * day, 400 * day])(
    'fires after %d ms, not before',
    ms => {
      const work = vi.fn()
      startTimer(ms, work)
      if (ms > 0) vi.advanceTimersByTime(ms - 1)
      expect(work).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(work).toHaveBeenCalledOnce()
    },
  )

  it('fires at once for a negative time, never for Infinity', () => {
    const [past, never] = [vi.fn(), vi.fn()]
    startTimer(-5, past)
    startTimer(Number.POSITIVE_INFINITY, never)
    vi.advanceTimersByTime(1_000 * day)
    expect(past).toHaveBeenCalledOnce()
    expect(never).not.toHaveBeenCalled()
  })

  it('can be cancelled after any part of a long wait', () => {
    const work = vi.fn()
    const timer = startTimer(100 * day, work)
    vi.advanceTimersByTime(60 * day)
    timer.cancel()
    vi.advanceTimersByTime(60 * day)
    expect(work).not.toHaveBeenCalled()
  })

  it('refuses NaN, which Node takes for 1 ms', () => {
    expect(() => startTimer(Number.NaN, () => {})).toThrow(/NaN/)
    expect(() => timerDelay(Number.NaN)).toThrow(/NaN/)
  })
})

describe('timerDelay()', () => {
  it.each([
    [-1, 0],
    [0.5, 0.5],
    [2 ** 31 - 1, 2 ** 31 - 1],
    [2 ** 31, 2 ** 31 - 1],
    [Number.POSITIVE_INFINITY, 2 ** 31 - 1],
  ])('makes of %d a delay of %d ms', (ms, delay) => expect(timerDelay(ms)).toBe(delay))
})

describe('sleep() and timeoutSignal()', () => {
  it('wait longer than 24.8 days', async () => {
    const woken = vi.fn()
    void sleep(30 * day).then(woken)
    const signal = timeoutSignal(30 * day)
    await vi.advanceTimersByTimeAsync(30 * day - 1)
    expect([woken.mock.calls.length, signal.aborted]).toEqual([0, false])
    await vi.advanceTimersByTimeAsync(1)
    expect([woken.mock.calls.length, signal.aborted]).toEqual([1, true])
    expect((signal.reason as Error).name).toBe('TimeoutError')
  })

  it('end with the reason of an aborted signal, at once', async () => {
    const controller = new AbortController()
    const sleeping = sleep(1_000, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
    await expect(sleep(1_000, { signal: controller.signal })).rejects.toThrow('enough')
    expect(vi.getTimerCount()).toBe(0)
  })
})
