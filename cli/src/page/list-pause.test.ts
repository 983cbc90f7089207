import { expect, test } from 'vitest'

import { listPause } from './list-pause.ts'

test.each([
  ['a small mesh', { members: 20, billed: false, tookMs: 5 }, 1_000],
  ['5,000 members', { members: 5_000, billed: false, tookMs: 200 }, 2_000],
  ['5,000 members that are billed', { members: 5_000, billed: true, tookMs: 200 }, 15_000],
  ['a control plane that is slow', { members: 20, billed: false, tookMs: 3_000 }, 12_000],
  ['a machine that slept meanwhile', { members: 20, billed: false, tookMs: 8 * 3_600_000 }, 60_000],
])('the list of %s is read again after a while', (_, read, ms) => {
  expect(listPause(read)).toBe(ms)
})
