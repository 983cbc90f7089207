import { unlimitedUses, type TokenView } from '@agent-mesh/protocol/api/tokens'
import { expect, test } from 'vitest'

import { tokenForPrograms, usesLeft } from './tokens.ts'

const view = (uses: number, left: number) => ({ id: 'x', uses, left }) as TokenView

test('a token without a limit has no number of uses, but that of those who joined', () => {
  const unlimited = view(unlimitedUses, unlimitedUses - 3)
  expect(tokenForPrograms(unlimited)).toEqual({ id: 'x', uses: null, left: null, joined: 3 })
  expect(usesLeft(unlimited)).toBe('unlimited')
})

test('a token with a limit has both', () => {
  expect(tokenForPrograms(view(5, 3))).toEqual({ id: 'x', uses: 5, left: 3, joined: 2 })
  expect([usesLeft(view(5, 3)), usesLeft(view(5, 3), ' of ')]).toEqual(['3/5', '3 of 5'])
})
