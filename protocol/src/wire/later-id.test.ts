import { describe, expect, it } from 'vitest'
import { isLaterId } from './index.ts'

describe('isLaterId()', () => {
  it('orders ids across the wrap at 2^32', () => {
    expect(isLaterId(2, 1)).toBe(true)
    expect(isLaterId(1, 1)).toBe(false)
    expect(isLaterId(1, 2)).toBe(false)
    expect(isLaterId(3, 0xffff_fffe)).toBe(true)
    expect(isLaterId(0xffff_fffe, 3)).toBe(false)
  })
})
