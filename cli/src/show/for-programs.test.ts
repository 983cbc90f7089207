import { expect, it } from 'vitest'

import { forPrograms } from './for-programs.ts'

const at = Date.UTC(2026, 0, 2, 3, 4, 5)

it('tells times as ISO 8601, wherever they are', () => {
  const value = { startedAt: at, nested: [{ expiresAt: at, at }], credentialExpires: at, asOf: at, at: [at] }
  const iso = '2026-01-02T03:04:05.000Z'
  expect(forPrograms(value)).toEqual({
    startedAt: iso,
    nested: [{ expiresAt: iso, at: iso }],
    credentialExpires: iso,
    asOf: iso,
    at: [iso],
  })
})

it('rounds what was measured, and leaves the rest', () => {
  expect(
    forPrograms({ rttMs: 17.521938999998383, ageMs: 5, bytes: at, at: 'x', flat: null, ok: true }),
  ).toEqual({
    rttMs: 17.522,
    ageMs: 5,
    bytes: at,
    at: 'x',
    flat: null,
    ok: true,
  })
  expect(forPrograms(0.1 + 0.2)).toBe(0.3)
})

it('leaves what a member answered to a call as it is', () => {
  const value = { at, x: 0.123456789 }
  expect(forPrograms({ results: [{ value, ms: 0.123456789 }] })).toEqual({ results: [{ value, ms: 0.123 }] })
})

it('takes a time that no calendar has for a number', () => {
  expect(forPrograms({ at: 1e17, expires: 30_000 })).toEqual({ at: 1e17, expires: 30_000 })
})
