import { Linter } from 'eslint'
import { describe, expect, it } from 'vitest'
import { patientWaits } from './patient-waits.js'

function faults(code: string): number {
  const config = {
    plugins: { house: { rules: { 'patient-waits': patientWaits } } },
    rules: { 'house/patient-waits': 'error' as const },
  } as Linter.Config
  const messages = new Linter().verify(code, config)
  expect(messages.filter(({ fatal }) => fatal === true)).toEqual([])
  return messages.length
}

describe('the lint rule of waits', () => {
  it.each([
    'vi.waitFor(check)',
    'vi.waitUntil(() => done)',
    'vi.waitFor(check, { interval: 10 })',
    'vi.waitFor(check, 5_000)',
    'vi.waitUntil(check, { timeout: 1_500, interval: 50 })',
    'expect.poll(count, { timeout: 5_000 }).toBe(1)',
  ])('refuses %s', code => expect(faults(code)).toBe(1))

  it.each([
    'vi.waitFor(check, 20_000)',
    'vi.waitUntil(check, { timeout: 10_000 })',
    'vi.waitFor(check, patience)',
    'vi.waitFor(check, { timeout, interval: 10 })',
    'vi.waitFor(check, { ...patience, interval: 10 })',
    'expect.poll(count).toBe(1)',
    'expect.poll(count, { interval: 5 }).toBe(1)',
    'queue.waitFor(check)',
  ])('takes %s', code => expect(faults(code)).toBe(0))
})
