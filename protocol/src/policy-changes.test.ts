import { expect, it } from 'vitest'
import { policyComparison, targetsOf } from './policy-changes.ts'
import { defaultPolicy, type Policy } from './policy.ts'

const after: Policy = {
  grants: [
    { from: ['role:ops'], to: ['service:deploy.*', 'topic:alerts'], allow: ['call', 'publish'] },
    { from: ['role:admin'], to: ['admin:*'], allow: ['manage'] },
  ],
  tests: [],
}
const member = (...roles: string[]) => ({ sub: 'peer', name: 'name', roles, tags: [] })
const targets = targetsOf([defaultPolicy, after], ['math'])
const changeOf = policyComparison(defaultPolicy, after, targets)

it('asks about the targets of both policies and the services that are published', () => {
  expect(targets).toEqual([
    'admin:*',
    'service:*',
    'service:deploy.*',
    'service:math.*',
    'topic:*',
    'topic:alerts',
  ])
})

it('lists what a member gains', () => {
  expect(changeOf(member('ops'))).toEqual({
    gained: [
      { action: 'call', target: 'service:deploy.*' },
      { action: 'publish', target: 'topic:alerts' },
    ],
    lost: [],
  })
})

it('lists what a member loses, published services by name', () => {
  const { gained, lost } = changeOf(member('agent'))
  expect(gained).toEqual([])
  expect(lost).toContainEqual({ action: 'call', target: 'service:math.*' })
  expect(lost).toContainEqual({ action: 'subscribe', target: 'topic:alerts' })
})

it('lists nothing for whom nothing changes', () => {
  expect(changeOf(member('relay'))).toEqual({ gained: [], lost: [] })
})

it('does not give one role the changes of another', () => {
  expect(changeOf(member('ops', 'agent')).lost).not.toContainEqual({
    action: 'call',
    target: 'service:deploy.*',
  })
  expect(changeOf(member('ops')).lost).toEqual([])
})
