import { describe, expect, it } from 'vitest'
import { broken, judge, type CallRecord } from './judge-calls.ts'

const call = (fields: Partial<CallRecord>): CallRecord => ({
  ...{ beganAt: 0, ms: 20, idempotent: true, ok: true },
  ...fields,
})

describe('judge()', () => {
  it('counts calls as moved from the first prompt answer to a call begun after the fault', () => {
    const records = [
      call({ beganAt: 900 }),
      call({ beganAt: 1_100, ms: 16_000 }),
      call({ beganAt: 3_500, ms: 40 }),
      call({ beganAt: 3_600, ms: 10 }),
    ]
    const verdict = judge(records, 1_000)
    expect(verdict).toMatchObject({ calls: 4, moved_ms: 2_540, slowest_ms: 16_000 })
    expect(broken(verdict, 3_000)).toEqual([])
    expect(broken(verdict, 2_000)).toEqual(['calls moved after 2540 ms'])
  })

  it('forgives calls that may not be repeated a typed error, and nothing else', () => {
    const records = [
      call({ idempotent: false, ok: false, code: 'path_lost' }),
      call({ idempotent: false, ok: false, code: 'untyped' }),
      call({ ok: false, code: 'unavailable' }),
      call({ beganAt: 10 }),
    ]
    const verdict = judge(records, 5)
    expect(verdict.errors).toEqual({ path_lost: 1, untyped: 1, unavailable: 1 })
    expect(broken(verdict, 3_000)).toEqual([
      '1 idempotent calls failed',
      '1 calls failed without a typed error',
    ])
  })

  it('says when no call came through after the fault', () => {
    expect(broken(judge([call({}), call({ beganAt: 2_000, ms: 5_000 })], 1_000), 3_000)).toEqual([
      'calls never moved',
    ])
  })
})
