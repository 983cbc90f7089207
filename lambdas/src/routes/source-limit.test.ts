import { describe, expect, test } from 'vitest'
import { sourceLimit } from '../defaults.ts'
import { SourceLimit } from './source-limit.ts'

describe('SourceLimit', () => {
  test('lets a fleet behind one address join at once, and a guesser try 15 times', () => {
    const limit = new SourceLimit(() => 0)
    for (let i = 0; i < 300; i++) {
      limit.check('192.0.2.1')
      limit.charge('192.0.2.1', 'enrolled')
    }
    for (let i = 0; i < 15; i++) {
      limit.check('192.0.2.2')
      limit.charge('192.0.2.2', 'refused')
    }
    for (const address of ['192.0.2.1', '::ffff:192.0.2.2'])
      expect(() => limit.check(address)).toThrowError(expect.objectContaining({ code: 'rate_limited' }))
    limit.check('192.0.2.3')
  })

  test('says when to try again, and lets it then', () => {
    let now = 0
    const limit = new SourceLimit(() => now)
    for (let i = 0; i < 16; i++) limit.charge('192.0.2.2', 'refused')
    const refused = () => limit.check('192.0.2.2')
    expect(refused).toThrowError(expect.objectContaining({ details: { retryAfterMs: 10_500 } }))
    now = 10_499
    expect(refused).toThrow()
    now = 10_500
    refused()
  })

  test('remembers a bounded number of addresses, those that knocked last', () => {
    const limit = new SourceLimit(() => 0)
    for (let i = 0; i < 16; i++) limit.charge('first', 'refused')
    for (let i = 0; i < sourceLimit.sources; i++) limit.charge(`other-${i}`, 'enrolled')
    limit.check('first')
  })
})
