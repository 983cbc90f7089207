import type { Policy } from '@agent-mesh/protocol'
import { expect, test } from 'vitest'
import { excessRight } from './token-rights.ts'

const policy: Policy = {
  grants: [
    { from: ['role:admin', 'name:ops-laptop', 'name:db-2'], to: ['admin:*'], allow: ['manage'] },
    { from: ['role:helpdesk'], to: ['admin:tokens'], allow: ['manage'] },
    { from: ['role:agent'], to: ['service:math.*'], allow: ['call'] },
    { from: ['role:ops'], to: ['service:deploy.*', 'service:math.*'], allow: ['call'] },
    { from: ['tag:web'], to: ['topic:alerts'], allow: ['subscribe'] },
    { from: ['*'], to: ['service:host.info'], allow: ['call'] },
  ],
  tests: [],
}
/** The holder of each name. */
const storeOf = (...names: string[]) => ({
  findEnrolment: async (by: { name: string } | { serial: string }) =>
    'name' in by && names.includes(by.name) ? ({ name: by.name } as never) : undefined,
})
const maker = { sub: 'p', name: 'hd', roles: ['agent', 'helpdesk'], tags: [] }
const held = storeOf('ops-laptop', 'db-2')

test.each([
  ['the role agent', { roles: ['agent'], tags: [] }, held, undefined],
  ['its own roles', { roles: ['agent', 'helpdesk'], tags: [] }, held, undefined],
  ['rights in services that it lacks', { roles: ['ops'], tags: [] }, held, 'service:deploy.*'],
  ['rights by tags that it lacks', { roles: ['agent'], tags: ['web'] }, held, 'topic:alerts'],
  ['rights of admins', { roles: ['admin'], tags: [] }, held, 'admin:*'],
  ['a name that has more', { roles: [], tags: [], name: 'ops-laptop' }, storeOf(), 'admin:*'],
  ['a choice of names, one of which has more', { roles: ['agent'], tags: [] }, storeOf('db-2'), 'admin:*'],
  [
    'a name that becomes another with a number',
    { roles: [], tags: [], name: 'db' },
    storeOf('db'),
    'admin:*',
  ],
  ['a fixed name without rights', { roles: ['agent'], tags: [], name: 'web-1' }, storeOf(), undefined],
])('who may make tokens and lacks the rest: %s', async (_, newcomer, store, target) => {
  expect((await excessRight(store, policy, maker, newcomer))?.target).toBe(target)
})
