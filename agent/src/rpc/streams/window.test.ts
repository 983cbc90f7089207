import { expect, it } from 'vitest'
import { ByteBudget } from '../byte-budget.ts'
import { streamDefaults } from './defaults.ts'
import { ReceiveWindow } from './window.ts'

const { firstBytes, mostBytes, turnMs } = streamDefaults

/** A window of a stream at 0 ms, and the budget of 64 MiB that it is allotted from. */
function opened() {
  const total = 64 * 1024 * 1024
  const budget = new ByteBudget(total)
  const window = new ReceiveWindow(budget)
  const first = window.open(0)
  /** Reads half of a window of so many bytes. @returns the credit given back */
  const readHalf = (size: number, at: number, rttMs?: number) => {
    expect(window.isDue(size / 2 - 1)).toBe(false)
    expect(window.isDue(1)).toBe(true)
    return window.credit(at, rttMs)
  }
  return { total, budget, window, first, readHalf }
}

it('a window doubles when half of it was read within a round trip, up to the largest', () => {
  const { budget, total, first, readHalf } = opened()
  expect(first).toBe(firstBytes)
  let at = 0
  for (let size = first; size < mostBytes; size *= 2) {
    expect(readHalf(size, (at += 90), 100)).toBe(size / 2 + size)
    expect(budget.left).toBe(total - size * 2)
  }
  expect(readHalf(mostBytes, at + 90, 100)).toBe(mostBytes / 2)
})

it('a window whose reader takes longer than a round trip and a turn stays as it is', () => {
  const { readHalf } = opened()
  expect(readHalf(firstBytes, turnMs, 1)).toBe(firstBytes / 2)
  expect(readHalf(firstBytes, 3 * turnMs)).toBe(firstBytes / 2)
})

it('the end of a stream gives all back to the budget: its window, and what was held of a large message', () => {
  const { window, budget, total, first, readHalf } = opened()
  readHalf(first, 1, 100)
  expect(window.hold(1_000)).toBe(true)
  window.release()
  expect(budget.left).toBe(total - 2 * first)
  expect(window.hold(2_000)).toBe(true)
  window.close()
  expect(budget.left).toBe(total)
  window.close()
  expect(budget.left).toBe(total)
})
