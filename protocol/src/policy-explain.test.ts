import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explainPolicy } from './policy-explain.ts'
import { actions, defaultPolicy, evaluate, selectorsOf, type Policy, type Subject } from './policy.ts'

const policy: Policy = {
  grants: [
    { from: ['role:agent'], to: ['service:math.*'], allow: ['call'] },
    { from: ['role:ops'], to: ['service:deploy.*', 'topic:alerts'], allow: ['call', 'publish'] },
  ],
  tests: [],
}
const explain = (selector: string, action: 'call' | 'publish' | 'subscribe', target: string) =>
  explainPolicy(policy, { selectors: new Set(['*', selector]), action, target })

describe('explainPolicy()', () => {
  it('names the grant that allows', () => {
    expect(explain('role:ops', 'call', 'service:deploy.run')).toEqual({
      allowed: true,
      by: { index: 1, grant: policy.grants[1] },
      text: 'grant 2 of 2 allows it (from role:ops: call, publish service:deploy.*, topic:alerts)',
    })
  })

  it('says that there is no policy', () => {
    const question = { selectors: new Set(['*']), action: 'call', target: 'service:math.add' } as const
    expect(explainPolicy(undefined, question)).toMatchObject({ allowed: false, missing: 'policy' })
  })

  it('says that no grant is for this member, and which one is for others', () => {
    expect(explain('role:guest', 'call', 'service:math.add')).toMatchObject({
      allowed: false,
      missing: 'selector',
      nearest: { index: 0 },
      text: expect.stringMatching(/^no grant is for any of \*, role:guest; the nearest is grant 1 of 2 /),
    })
  })

  it('says that a grant of this member does not cover the target', () => {
    expect(explain('role:ops', 'call', 'service:math.add')).toMatchObject({
      missing: 'target',
      nearest: { index: 1 },
    })
  })

  it('says that a grant covers the target, but not the action', () => {
    expect(explain('role:ops', 'subscribe', 'topic:alerts')).toMatchObject({
      missing: 'action',
      nearest: { index: 1 },
      text: expect.stringContaining('allows to subscribe topic:alerts'),
    })
  })

  it('decides as the enforcement does, whatever is asked', () => {
    const word = fc.constantFrom('agent', 'ops', 'guest', 'admin')
    const target = fc.constantFrom('service:math.add', 'service:deploy.run', 'topic:alerts', 'admin:tokens')
    const subject = fc.record({
      roles: fc.array(word, { maxLength: 3 }),
      tags: fc.array(word, { maxLength: 2 }),
    })
    fc.assert(
      fc.property(
        fc.constantFrom(policy, defaultPolicy, undefined),
        subject,
        fc.constantFrom(...actions),
        target,
        (of, { roles, tags }, action, to) => {
          const who: Subject = { sub: 'peer', name: 'name', roles, tags }
          const { allowed } = explainPolicy(of, { selectors: selectorsOf(who), action, target: to })
          expect(allowed).toBe(evaluate(of, who, action, to) !== undefined)
        },
      ),
    )
  })
})
