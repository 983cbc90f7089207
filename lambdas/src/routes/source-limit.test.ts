import { describe, expect, test } from 'vitest'
import { sourceLimit } from '../defaults.ts'
import { SourceLimit } from './source-limit.ts'

describe('SourceLimit', () => {
  test('lets a fleet behind one address join at once, and a guesser try 15 times', () => {
    const limit = new SourceLimit(() => 0)
    for (let i = 0; i < 600; i++) {
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
    expect(refused).toThrowError(expect.objectContaining({ details: { retryAfterMs: 10_250 } }))
    now = 10_249
    expect(refused).toThrow()
    now = 10_250
    refused()
  })

  test('knows the addresses that members came from, a bounded number', () => {
    const limit = new SourceLimit(() => 0)
    limit.accepted('member', '2001:db8::7')
    expect(limit.hasMember('2001:db8::8')).toBe(true)
    expect(limit.hasMember('2001:db8:0:1::8')).toBe(false)
    for (let i = 0; i < sourceLimit.memberAddresses; i++) limit.memberAt(`other-${i}`)
    expect(limit.hasMember('2001:db8::7')).toBe(false)
  })

  test('remembers a bounded number of addresses, those that knocked last', () => {
    const limit = new SourceLimit(() => 0)
    for (let i = 0; i < 16; i++) limit.charge('first', 'refused')
    for (let i = 0; i < sourceLimit.sources; i++) limit.charge(`other-${i}`, 'enrolled')
    limit.check('first')
  })
})
