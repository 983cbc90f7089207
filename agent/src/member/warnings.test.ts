import { expect, test } from 'vitest'
import { clockWarning } from './warnings.ts'

const now = Date.UTC(2026, 0, 1)
const day = 24 * 3600_000

test.each([
  { offset: 0, signedAt: now - day, said: undefined },
  { offset: 30_000, signedAt: now, said: undefined },
  { offset: 120_000, signedAt: now, said: '120 s behind that of the control plane' },
  {
    offset: -day,
    signedAt: now,
    said: '1440 min ahead of that of the control plane: members refuse each other for it until it is set',
  },
  {
    offset: -400 * day,
    signedAt: now,
    said: '400 days ahead of that of the control plane: members refuse each other for it until it is set',
  },
  {
    offset: 0,
    signedAt: now + 20_000 * day,
    said: '20000 days behind the newest document that the control plane signed: members refuse each other for it until it is set',
  },
])('a clock with offset $offset says $said', ({ offset, signedAt, said }) =>
  expect(clockWarning({ now, offset, signedAt })).toBe(said && `the clock of this machine is ${said}`),
)
