import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import { retryPause, worthRetry } from './retry.ts'

type Kind = 'refused' | 'thrown by the handler' | 'own'
const flags = {
  refused: { told: true, notStarted: true },
  'thrown by the handler': { told: true },
  own: {},
} satisfies Record<Kind, object>

describe('worthRetry()', () => {
  it.each<[ErrorCode, Kind, boolean, boolean]>([
    // code, by whom, worth it when not idempotent, when idempotent
    ['going_away', 'refused', true, true],
    ['overloaded', 'refused', true, true],
    ['unavailable', 'refused', true, true],
    ['permission_denied', 'refused', false, false],
    ['invalid_argument', 'refused', false, false],
    ['deadline_exceeded', 'refused', false, false],
    ['unavailable', 'thrown by the handler', false, false],
    ['overloaded', 'thrown by the handler', false, false],
    ['rate_limited', 'thrown by the handler', false, false],
    ['going_away', 'thrown by the handler', false, false],
    ['path_lost', 'thrown by the handler', false, false],
    ['application', 'thrown by the handler', false, false],
    ['path_lost', 'own', false, true],
    ['unavailable', 'own', false, false],
    ['cancelled', 'own', false, false],
  ])('%s, %s: %s, and %s when the call is idempotent', (code, kind, once, twice) => {
    const error = new MeshError(code, 'Cannot', flags[kind])
    const worth = (idempotent: boolean) => worthRetry({ error, attempt: 1, idempotent, elsewhere: true })
    expect([worth(false), worth(true)]).toEqual([once, twice])
  })

  it.each<ErrorCode>(['unsupported', 'revoked', 'unauthenticated'])(
    'of %s only while another member may answer',
    code => {
      const error = new MeshError(code, 'Cannot', { notStarted: true })
      const worth = (elsewhere: boolean) => worthRetry({ error, attempt: 1, idempotent: false, elsewhere })
      expect([worth(true), worth(false)]).toEqual([true, false])
    },
  )

  it('ends after some tries: soonest at overload', () => {
    const tries = (code: ErrorCode, idempotent: boolean) => {
      const error = new MeshError(code, 'Cannot', { notStarted: true })
      let attempt = 1
      while (worthRetry({ error, attempt, idempotent, elsewhere: true })) attempt++
      return attempt
    }
    expect([tries('overloaded', true), tries('unsupported', false)]).toEqual([3, 3])
    expect(tries('unavailable', false)).toBe(10)
    expect(tries('unavailable', true)).toBe(15)
  })
})

it('retryPause() doubles up to a second, half of it random', () => {
  expect([1, 2, 3, 9].map(attempt => retryPause(attempt, () => 0))).toEqual([25, 50, 100, 500])
  expect([1, 9].map(attempt => retryPause(attempt, () => 1))).toEqual([50, 1_000])
})
