import type { Policy, Subject } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { headKeeper, type HeadKeeper } from '../membership/head-keeper.ts'
import { openMemberStore, type MemberStore } from '../membership/member-store.ts'
import { createLogger } from '../observe/logger.ts'
import { authorizeBy } from './authorize.ts'
import { memberDefaults } from './defaults.ts'

const granted = (...to: string[]): Policy => ({
  grants: [{ from: ['role:ops'], to, allow: ['call'] }],
  tests: [],
})
const subject = (...roles: string[]): Subject => ({
  sub: '12D3KooWsomebody',
  name: 'somebody',
  roles,
  tags: [],
})

let mesh: TestMesh
let store: MemberStore
let head: HeadKeeper

beforeEach(async () => {
  mesh = await TestMesh.create()
  store = openMemberStore(':memory:')
  head = await headKeeper({ meshId: mesh.meshId, store, log: createLogger('test', 'silent') })
})
afterEach(() => store.close())

const setPolicy = async (number: number, policy: Policy) =>
  head.accept(await mesh.head({ policy, numbers: { policy: number } }))
const ask = (authorize: ReturnType<typeof authorizeBy>, from: Subject, to: string) =>
  refusal(() => authorize({ from, action: 'call', to }))

describe('authorizeBy()', () => {
  test('allows what the policy grants, and nothing else', async () => {
    await setPolicy(1, granted('service:deploy.*'))
    const authorize = authorizeBy(head)
    expect(await ask(authorize, subject('ops'), 'service:deploy.run')).toBe('accepted')
    expect(await ask(authorize, subject('ops'), 'service:math.add')).toMatch(/^permission_denied: /)
    expect(await ask(authorize, subject('agent'), 'service:deploy.run')).toMatch(/^permission_denied: /)
  })

  test('denies while no policy is known', async () => {
    expect(await ask(authorizeBy(head), subject('ops'), 'service:deploy.run')).not.toBe('accepted')
  })

  test('answers by the new policy at once, both ways, though it remembers answers', async () => {
    const ops = subject('ops')
    await setPolicy(1, granted('service:deploy.*'))
    const authorize = authorizeBy(head)
    expect(await ask(authorize, ops, 'service:deploy.run')).toBe('accepted')
    expect(await ask(authorize, ops, 'service:math.add')).toMatch(/^permission_denied: /)
    await setPolicy(2, granted('service:math.*'))
    expect(await ask(authorize, ops, 'service:deploy.run')).toMatch(/^permission_denied: /)
    expect(await ask(authorize, ops, 'service:math.add')).toBe('accepted')
  })

  test('keeps publishing and subscribing to a topic apart, each by its own grant', async () => {
    const grants: Policy['grants'] = [
      { from: ['role:ops'], to: ['topic:alerts.*'], allow: ['publish'] },
      { from: ['role:agent'], to: ['topic:*'], allow: ['subscribe'] },
    ]
    await setPolicy(1, { grants, tests: [] })
    const authorize = authorizeBy(head)
    const asked = (role: string, action: 'call' | 'publish' | 'subscribe', to: string) =>
      refusal(() => authorize({ from: subject(role), action, to }))
    const [ops, agent] = ['ops', 'agent']
    expect(await asked(ops, 'publish', 'topic:alerts.disk')).toBe('accepted')
    expect(await asked(ops, 'subscribe', 'topic:alerts.disk')).toMatch(
      /^permission_denied: Cannot subscribe topic:alerts.disk/,
    )
    expect(await asked(ops, 'publish', 'topic:other')).toMatch(/^permission_denied: /)
    expect(await asked(agent, 'subscribe', 'topic:alerts.disk')).toBe('accepted')
    expect(await asked(agent, 'publish', 'topic:alerts.disk')).toMatch(/^permission_denied: /)
    expect(await asked(agent, 'call', 'topic:alerts.disk')).toMatch(/^permission_denied: /)
  })

  test('does not give one member the answer of another', async () => {
    await setPolicy(1, granted('service:deploy.*'))
    const authorize = authorizeBy(head)
    expect(await ask(authorize, subject('ops'), 'service:deploy.run')).toBe('accepted')
    expect(await ask(authorize, subject(), 'service:deploy.run')).toMatch(/^permission_denied: /)
  })

  test('stays right when a member asks for more names than are remembered', async () => {
    await setPolicy(1, granted('service:deploy.*'))
    const authorize = authorizeBy(head)
    const ops = subject('ops')
    for (let i = 0; i <= memberDefaults.rememberedAnswers; i++)
      await ask(authorize, ops, `service:made-up.m${i}`)
    expect(await ask(authorize, ops, 'service:deploy.run')).toBe('accepted')
    expect(await ask(authorize, ops, 'service:made-up.m0')).toMatch(/^permission_denied: /)
  })
})
