import { beforeEach, expect, test } from 'vitest'
import { balanceDefaults } from './defaults.ts'
import { Flaps } from './flaps.ts'

const { flapWindowMs, flapMostMs } = balanceDefaults
let flaps: Flaps
let outs: number[]
let now: number
beforeEach(() => {
  outs = []
  now = 0
  flaps = new Flaps({ onOut: (_, ms) => void outs.push(ms) })
  flaps.note('a', true, now)
})

/** It goes offline and comes back. @returns whether it is left out then */
function flap(pauseMs = 1_000): boolean {
  flaps.note('a', false, (now += pauseMs))
  return flaps.note('a', true, (now += pauseMs))
}

test('a provider is left out after its third death in ten minutes, for 60 s', () => {
  expect([flap(), flap(), flap()]).toEqual([false, false, true])
  expect(flaps.note('a', true, now + 57_000)).toBe(true)
  expect(flaps.note('a', true, now + 60_000)).toBe(false)
  expect(flaps.note('b', true, now)).toBe(false)
})

test('each further death doubles the time, to 15 min at most', () => {
  for (let i = 0; i < 9; i++) flap()
  expect(outs).toEqual([60, 120, 240, 480, 900, 900, 900].map(seconds => seconds * 1_000))
})

test('deaths that are far apart do not count together', () => {
  for (let i = 0; i < 6; i++) expect(flap(flapWindowMs / 4)).toBe(false)
})

test('one that was calm for long begins with 60 s again', () => {
  for (let i = 0; i < 5; i++) flap()
  now += 2 * flapMostMs
  for (let i = 0; i < 3; i++) flap()
  expect(outs.at(-1)).toBe(60_000)
})

test('the oldest make room', () => {
  for (let i = 0; i < 3; i++) flap()
  for (let i = 0; i < balanceDefaults.flapping; i++) flaps.note(`other-${i}`, true, now)
  expect(flaps.note('a', true, now)).toBe(false)
})
