import { unlimitedUses, type TokenView } from '@agent-mesh/protocol/api/tokens'
import { expect, test } from 'vitest'

import { tokenForPrograms, tokenState, usesLeft } from './tokens.ts'

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

test('a token that is used up is so, expired or not', () => {
  const at = (expiresAt: number, left: number) => tokenState({ ...view(1, left), revoked: false, expiresAt })
  expect([at(0, 0), at(Date.now() + 60_000, 0), at(0, 1)]).toEqual(['used up', 'used up', 'expired'])
})
