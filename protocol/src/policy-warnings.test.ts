import { describe, expect, it } from 'vitest'

import { defaultPolicy, type Grant } from './policy.ts'
import { policyWarnings, unmatchedNames } from './policy-warnings.ts'

const admin = ['admin:tokens', 'admin:policy']
const told = (...grants: Grant[]) =>
  policyWarnings({ grants, tests: [] }, admin).map(({ path, text }) => `${path.join('.')}: ${text}`)
const wide: Grant = { from: ['*'], to: ['service:*'], allow: ['call'] }
const narrow: Grant = { from: ['role:ops'], to: ['service:math.*'], allow: ['call'] }

describe('policyWarnings()', () => {
  it('has nothing to say of the policy of a new mesh', () => {
    expect(policyWarnings(defaultPolicy, admin)).toEqual([])
  })

  it('names a grant that another one covers, wherever that stands, and one of two that are the same', () => {
    expect(told(wide, narrow)).toEqual(['grants.1: adds nothing: grants.0 allows all of it'])
    expect(told(narrow, wide)).toEqual(['grants.0: adds nothing: grants.1 allows all of it'])
    expect(told(narrow, narrow)).toEqual(['grants.1: adds nothing: grants.0 allows all of it'])
    expect(told(narrow, { ...wide, from: ['role:dev'] })).toEqual([])
    expect(told(narrow, { ...wide, to: ['service:math.add'] })).toEqual([])
  })

  it('names an action that is asked of no target, and a target that is asked for none of the actions', () => {
    expect(told({ from: ['*'], to: ['service:*', 'topic:a'], allow: ['call', 'manage'] })).toEqual([
      "grants.0.allow.1: 'manage' is asked of none of its targets",
      'grants.0.to.1: topic:a is asked for publish or subscribe, which it does not allow',
    ])
  })

  it('knows what ports and tools are asked for', () => {
    expect(told({ from: ['*'], to: ['port:ssh', 'tool:files.*'], allow: ['connect', 'call'] })).toEqual([])
    expect(told({ from: ['*'], to: ['port:ssh'], allow: ['call'] })).toEqual([
      "grants.0.allow.0: 'call' is asked of none of its targets",
      'grants.0.to.0: port:ssh is asked for connect, which it does not allow',
    ])
  })

  it('names a target of admins that there is not', () => {
    expect(told({ from: ['role:ops'], to: ['admin:tokns', 'admin:tok*'], allow: ['manage'] })).toEqual([
      'grants.0.to.0: there is no admin:tokns; there are admin:tokens, admin:policy',
    ])
  })
})

describe('unmatchedNames()', () => {
  it.each([
    ['service:math.add', true],
    ['service:math.*', true],
    ['service:ma*', true],
    ['service:*', true],
    ['service:math.ad*', true],
    ['service:maths.*', false],
    ['service:math', false],
    ['topic:anything', true],
  ])('knows whether a published service may be meant: %s', (target, matched) => {
    const grants: Grant[] = [{ from: ['*'], to: [target], allow: ['call'] }]
    const known = { selectors: new Set(['*']), services: new Set(['math']) }
    expect(unmatchedNames({ grants, tests: [] }, known)).toHaveLength(matched ? 0 : 1)
  })

  it('names selectors that no member has', () => {
    const grants: Grant[] = [{ ...wide, from: ['role:ops', 'role:osp'] }]
    const known = { selectors: new Set(['role:ops']), services: new Set(['math']) }
    expect(unmatchedNames({ grants, tests: [] }, known)).toEqual([
      { path: ['grants', 0, 'from', 1], text: 'no member of the map has role:osp now' },
    ])
  })
})
