import { expect, it } from 'vitest'
import { collector } from './collector.ts'

it('does nothing where the flags of V8 cannot be set', () => {
  const collect = collector(() => {})
  expect(() => collect({ type: 'minor' })).not.toThrow()
})
