import fc from 'fast-check'
import { expect, it } from 'vitest'
import { refusal } from '../../test/support/refusal.ts'
import { parse } from './parse.ts'
import {
  actions,
  defaultPolicy,
  evaluate,
  checkPolicyTests,
  covers,
  failedPolicyTests,
  findGrant,
  policySchema,
  signedPolicySchema,
  type Policy,
  type Subject,
} from './policy.ts'

const ops: Subject = {
  sub: '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV',
  name: 'web-1',
  roles: ['ops'],
  tags: ['gpu'],
}
const agent: Subject = { ...ops, roles: ['agent'] }
const admin: Subject = { ...ops, roles: ['admin'] }

const grant = (
  from: string[],
  to: string[],
  allow: Policy['grants'][number]['allow'] = ['call'],
): Policy => ({
  grants: [{ from, to, allow }],
  tests: [],
})
const allows = (
  policy: Policy | undefined,
  subject: Subject,
  action: (typeof actions)[number],
  target: string,
) => evaluate(policy, subject, action, target) !== undefined

it('without a policy everything is denied, and with one that grants nothing', () => {
  for (const action of actions) {
    expect(allows(undefined, admin, action, 'service:math.add')).toBe(false)
    expect(allows({ grants: [], tests: [] }, admin, action, 'service:math.add')).toBe(false)
  }
})

it('whoever no grant names is denied by any policy', () => {
  const nobody: Subject = { sub: 'p', name: 'n', roles: [], tags: [] }
  const selector = fc.constantFrom('role:agent', 'name:other', 'peer:q', 'tag:gpu')
  fc.assert(
    fc.property(fc.array(selector, { minLength: 1 }), fc.constantFrom(...actions), (from, action) => {
      expect(
        allows(grant(from, ['service:*', 'topic:*', 'admin:*'], [...actions]), nobody, action, 'admin:x'),
      ).toBe(false)
    }),
  )
})

it('the default policy is one the schema takes: agents call, publish and subscribe, admins manage too', () => {
  expect(parse(policySchema, defaultPolicy, 'read policy')).toEqual(defaultPolicy)
  for (const subject of [agent, admin]) {
    expect(allows(defaultPolicy, subject, 'call', 'service:host.info')).toBe(true)
    expect(allows(defaultPolicy, subject, 'publish', 'topic:alerts')).toBe(true)
    expect(allows(defaultPolicy, subject, 'subscribe', 'topic:alerts')).toBe(true)
  }
  expect(allows(defaultPolicy, admin, 'manage', 'admin:tokens')).toBe(true)
  expect(allows(defaultPolicy, agent, 'manage', 'admin:tokens')).toBe(false)
  expect(allows(defaultPolicy, { ...agent, roles: ['relay'] }, 'call', 'service:host.info')).toBe(false)
})

it.each([
  ['role:ops', true],
  ['tag:gpu', true],
  ['name:web-1', true],
  [`peer:${ops.sub}`, true],
  ['*', true],
  ['role:gpu', false],
  ['tag:ops', false],
  ['name:web', false],
  ['role:op', false],
])('the selector %s matches the subject: %s', (selector, matches) => {
  expect(allows(grant([selector], ['service:math.add']), ops, 'call', 'service:math.add')).toBe(matches)
})

it.each([
  ['service:math.add', 'service:math.add', true],
  ['service:math.add', 'service:math.addition', false],
  ['service:math.*', 'service:math.add', true],
  ['service:math.*', 'service:math', false],
  ['service:math.*', 'service:mathematics.add', false],
  ['service:math*', 'service:mathematics.add', true],
  ['service:*', 'service:math.add', true],
  ['service:*', 'topic:math.add', false],
  ['service:math.add', 'service:math.*', false],
  ['service:*', 'service:files.get', false],
  ['service:*', 'service:exec.*', false],
  ['service:files*', 'service:files.get', false],
  ['service:files.*', 'service:files.get', true],
  ['service:files.g*', 'service:files.get', true],
  ['service:files.get', 'service:files.get', true],
  ['service:*', 'service:filesystem.get', true],
])('the target %s covers %s: %s', (pattern, target, covered) => {
  expect(allows(grant(['*'], [pattern]), ops, 'call', target)).toBe(covered)
})

it('a grant allows the actions it names and no other', () => {
  const policy = grant(['role:ops'], ['topic:alerts'], ['subscribe'])
  expect(actions.filter(action => allows(policy, ops, action, 'topic:alerts'))).toEqual(['subscribe'])
})

it('the first grant that allows is told, for the audit', () => {
  const policy: Policy = {
    grants: [
      ...grant(['role:none'], ['service:*']).grants,
      ...grant(['tag:gpu'], ['service:a']).grants,
      ...grant(['*'], ['service:*']).grants,
    ],
    tests: [],
  }
  expect(evaluate(policy, ops, 'call', 'service:a')).toBe(policy.grants[1])
  expect(evaluate(policy, ops, 'call', 'service:b')).toBe(policy.grants[2])
})

it('the tests of a policy say which of its promises it breaks', () => {
  const policy: Policy = {
    ...grant(['role:ops'], ['service:deploy.*']),
    tests: [
      { from: 'role:ops', action: 'call', to: 'service:deploy.run', expect: 'allow' },
      { from: 'role:agent', action: 'call', to: 'service:deploy.run', expect: 'deny' },
      { from: 'role:agent', action: 'call', to: 'service:deploy.run', expect: 'allow' },
      { from: 'role:ops', action: 'call', to: 'service:deploy.run', expect: 'deny' },
    ],
  }
  expect(failedPolicyTests(policy)).toEqual([
    'role:agent call service:deploy.run: expected allow',
    'role:ops call service:deploy.run: expected deny',
  ])
  expect(() => checkPolicyTests(policy, 'write policy', 'nothing was written')).toThrow(
    expect.objectContaining({
      code: 'invalid_argument',
      message: 'Cannot write policy: 2 of its tests fail: role:agent call service:deploy.run: expected allow',
      hint: 'Mend the grants or the tests; nothing was written.',
      details: { failed: failedPolicyTests(policy) },
    }),
  )
  const passed = { ...policy, tests: policy.tests.slice(0, 2) }
  expect(failedPolicyTests(passed)).toEqual([])
  checkPolicyTests(passed, 'write policy', 'nothing was written')
})

it('a grant to everyone counts in the test of any selector', () => {
  const test = { from: 'role:x', action: 'call', to: 'service:a', expect: 'deny' } as const
  expect(failedPolicyTests({ ...grant(['*'], ['service:*']), tests: [test] })).toHaveLength(1)
})

const valid = grant(['*'], ['service:*'])

it('a policy of a later version grants what this version understands of it, and nothing wider', () => {
  const later = {
    grants: [valid.grants[0], { ...grant(['role:ops'], ['service:*']).grants[0], unless: ['night'] }],
    tests: [{ shape: 'unknown' }],
    extra: true,
  }
  expect(parse(signedPolicySchema, later, 'read policy')).toEqual({ grants: valid.grants, tests: [] })
})

it('an entry of a later version is left out of its grant, the rest of which counts', () => {
  const { grants } = grant(
    ['role:ops', 'site:berlin'],
    ['service:math.*', 'disk:raw'],
    ['call', 'format' as never],
  )
  const read = parse(signedPolicySchema, { grants, tests: [] }, 'read policy')
  expect(read.grants).toEqual(grant(['role:ops'], ['service:math.*'], ['call']).grants)
})

it('a grant of which nothing is understood in one list is none', () => {
  const none = [
    grant(['site:x'], ['service:*']),
    grant(['*'], ['disk:raw']),
    grant(['*'], ['service:*'], ['own' as never]),
  ]
  const grants = none.flatMap(each => each.grants)
  expect(parse(signedPolicySchema, { grants }, 'read policy').grants).toEqual([])
})

it('reading a policy of a later version allows exactly what its understood entries allow', () => {
  const from = ['role:ops', 'tag:web', 'site:berlin', '*', 7]
  const to = ['service:math.*', 'port:ssh', 'tool:files.*', 'disk:raw', null]
  const some = <T>(values: T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 })
  const later = fc.record({ from: some(from), to: some(to), allow: some(['call', 'connect', 'format']) })
  fc.assert(
    fc.property(fc.array(later, { maxLength: 4 }), grants => {
      const read = parse(signedPolicySchema, { grants }, 'read policy')
      for (const selector of ['role:ops', 'tag:web'])
        for (const target of ['service:math.add', 'port:ssh', 'tool:files.read'])
          for (const action of ['call', 'connect'] as const) {
            const stated = grants.some(
              grant =>
                grant.allow.includes(action) &&
                grant.from.some(each => each === selector || each === '*') &&
                grant.to.some(each => typeof each === 'string' && covers(each, target)),
            )
            const found = findGrant(read, new Set([selector, '*']), action, target)
            expect(found !== undefined, `${selector} ${action} ${target}`).toBe(stated)
          }
    }),
  )
})

it('ports and tools are granted to nobody by default', () => {
  const subject = { sub: 'peer', name: 'a', roles: ['agent', 'admin', 'relay'], tags: [] }
  expect(evaluate(defaultPolicy, subject, 'connect', 'port:ssh')).toBeUndefined()
  expect(evaluate(defaultPolicy, subject, 'call', 'tool:files.read_file')).toBeUndefined()
})

const read = (policy: unknown) => refusal(() => parse(policySchema, policy, 'read policy'))

it.each([
  ['an unknown field', { ...valid, deny: [] }, 'unknown field deny'],
  [
    'an unknown field in a grant',
    { grants: [{ ...valid.grants[0], when: 1 }], tests: [] },
    'grants.0: unknown field when',
  ],
  [
    'an unknown action',
    grant(['*'], ['service:*'], ['own' as never]),
    'grants.0.allow.0: is none of call, publish',
  ],
  ['a grant of nothing', grant(['*'], ['service:*'], []), 'grants.0.allow: is under 1 items'],
  ['a selector without a kind', grant(['ops'], ['service:*']), 'grants.0.from.0: is not a selector'],
  ['a target of everything', grant(['*'], ['*']), 'grants.0.to.0: is not a target'],
  ['a wildcard in the middle', grant(['*'], ['service:*.add']), 'grants.0.to.0: is not a target'],
  [
    'too many grants',
    { grants: Array.from({ length: 257 }, () => valid.grants[0]), tests: [] },
    'grants: is over 256 items',
  ],
  ['no tests', { grants: [] }, 'tests: is not of type array'],
])('a policy with %s is refused', async (_, policy, reason) => {
  expect(await read(policy)).toContain(`invalid_argument: Cannot read policy: ${reason}`)
})
