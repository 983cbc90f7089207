import { expect, it } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { auditRoot, nextAuditEntry } from '../audit.ts'
import { parse } from '../parse.ts'
import { apiRoutes, type ApiRoute } from './routes.ts'

const mesh = await TestMesh.create()
const member = await mesh.member()
const [record, credential, head] = await Promise.all([member.record(), member.credential(), mesh.head()])
const numbers = { keys: 1, relays: 1, policy: 1, revocations: 1 }
const view = { peerId: member.peerId, name: member.name, record, credential, online: true, at: member.peerId }
const regionHealth = {
  region: 'eu-1',
  members: 1,
  online: 1,
  stale: 0,
  relays: 1,
  relaysLeased: 1,
  load: { agents: 1, reservations: 1, visitors: 0 },
  ageMs: 5,
}
const token = {
  id: 'a'.repeat(16),
  uses: 5,
  left: 4,
  createdAt: 1,
  expiresAt: 2,
  revoked: false,
  roles: ['agent'],
  tags: [],
  ephemeral: false,
}

const membership = {
  peerId: member.peerId,
  serial: member.serial,
  name: member.name,
  roles: ['agent'],
  tags: ['gpu'],
  region: 'eu-1',
  ephemeral: false,
  joinedAt: 1,
  token: token.id,
  credentialExpires: 2,
  listed: true,
  online: true,
  at: member.peerId,
  services: ['math@2'],
}

/** One valid body of each request, by method and path. */
const requests: Record<string, object> = {
  'POST /v1/enrol': { secret: 's'.repeat(43), name: 'web-1', region: 'eu-1' },
  'POST /v1/renew': {},
  'PUT /v1/members/self': { record },
  'POST /v1/leave': {},
  'POST /v1/memberships/{who}': { name: 'web-2', tags: ['cpu'], region: 'us-1' },
  'POST /v1/relays/self/report': {
    epoch: 'epoch-01',
    seq: 1,
    up: [record],
    down: [member.peerId],
    load: { agents: 1, reservations: 1, visitors: 0 },
    health: { ready: true, version: '0.1.0', region: 'eu-1' },
  },
  'PUT /v1/policy': { policy: { grants: [], tests: [] }, expected: 1, force: true },
  'POST /v1/revocations': { serial: 's'.repeat(22) },
  'POST /v1/tokens': {
    uses: 1,
    expiresIn: 60,
    roles: ['agent'],
    tags: ['gpu'],
    name: 'web-1',
    ephemeral: true,
    note: 'rack 7',
    replace: true,
  },
}

const revoked = {
  peerId: member.peerId,
  name: member.name,
  serial: member.serial,
  roles: ['agent'],
  revokedAt: 1,
  number: 2,
}

/** One valid body of each reply. */
const replies: Record<string, object> = {
  'GET /v1/audit': {
    entries: [nextAuditEntry(auditRoot, { at: 1, who: 'admin', what: 'policy' })],
    head: auditRoot,
    next: '1',
  },
  'GET /v1/bootstrap': {
    meshId: mesh.meshId,
    head,
    serverTime: 1,
    watchUrl: 'wss://x/v1/watch',
    members: [view],
  },
  'POST /v1/enrol': { credential, head },
  'POST /v1/renew': { credential, head },
  'GET /v1/members': { members: [view], next: 'x' },
  'PUT /v1/members/self': { incarnation: 5 },
  'GET /v1/members/{peerId}': view,
  'GET /v1/memberships': { members: [membership], next: 'x' },
  'GET /v1/memberships/{who}': membership,
  'POST /v1/memberships/{who}': membership,
  'DELETE /v1/memberships/{who}': {
    peerId: member.peerId,
    name: member.name,
    serial: member.serial,
    number: 2,
  },
  'GET /v1/map': { changes: [], next: 'x', more: false, numbers },
  'POST /v1/relays/self/report': { seq: 1, expires: 5, numbers },
  'GET /v1/health': {
    asOf: 1,
    ageMs: 0,
    regions: [regionHealth],
    services: [{ service: 'math', region: 'eu-1', members: 1, online: 1, stale: 0 }],
    latency: [{ from: 'eu-1', to: 'us-1', ms: 80 }],
    history: [{ at: 1, regions: [regionHealth] }],
  },
  'GET /v1/scaling': {
    ...{ service: 'math', current: 2, ready: 2, desired: 3, saturation: 0.8, target: 0.6, queueMs: 4 },
    ...{ shedPerSecond: 0.5, windowSeconds: 60, ageSeconds: 9, stale: false, reason: 'more are needed' },
  },
  'GET /v1/policy': { number: 1, policy: { grants: [], tests: [] }, document: head.policy },
  'PUT /v1/policy': {
    number: 1,
    written: false,
    changes: [
      {
        peerId: member.peerId,
        name: member.name,
        gained: [{ action: 'call', target: 'service:*' }],
        lost: [],
      },
    ],
    changed: 1,
    members: 3,
  },
  'GET /v1/revocations': {
    number: 1,
    document: head.revocations,
    revoked: [{ peerId: member.peerId, at: 1 }],
  },
  'POST /v1/revocations': revoked,
  'POST /v1/members/{peerId}/revoke': revoked,
  'GET /v1/tokens': { tokens: [token], next: 'x' },
  'POST /v1/tokens': { token: 'amj1.x', view: token },
}

const nameOf = ({ method, path }: ApiRoute) => `${method} ${path}`
const withSchema = (key: 'request' | 'reply') =>
  apiRoutes.flatMap(route => {
    const schema = route[key]
    return schema === undefined ? [] : [{ name: nameOf(route), schema }]
  })

it('every route is listed once, and reads have no body', () => {
  const names = apiRoutes.map(nameOf)
  expect(new Set(names).size).toBe(names.length)
  for (const route of apiRoutes) if (route.method === 'GET') expect(route.request).toBeUndefined()
})

it('every body of the API has an example here', () => {
  expect(
    withSchema('request')
      .map(({ name }) => name)
      .sort(),
  ).toEqual(Object.keys(requests).sort())
  expect(
    withSchema('reply')
      .map(({ name }) => name)
      .sort(),
  ).toEqual(Object.keys(replies).sort())
})

it.each(withSchema('request'))(
  'the request $name is taken as it is, and refuses an unknown field',
  async ({ name, schema }) => {
    const body = requests[name]
    expect(parse(schema, body, 'read request')).toMatchObject(body ?? {})
    expect(await refusal(() => parse(schema, { ...body, later: 1 }, 'read request'))).toBe(
      'invalid_argument: Cannot read request: unknown field later',
    )
  },
)

it.each(withSchema('reply'))('the reply $name keeps unknown fields', ({ name, schema }) => {
  const body = { ...replies[name], later: { a: [1] } }
  expect(parse(schema, body, 'read reply')).toEqual(body)
})

it.each(withSchema('request'))('the request $name takes no other kind of JSON', async ({ schema }) => {
  for (const value of [null, [], 'x', 7, true, undefined])
    expect(await refusal(() => parse(schema, value, 'read request'))).toMatch(/^invalid_argument: /)
})

const requestOf = (name: string) => {
  const schema = apiRoutes.find(route => nameOf(route) === name)?.request
  if (schema === undefined) throw new Error(`${name} has no request`)
  return (change: object) => refusal(() => parse(schema, { ...requests[name], ...change }, 'read request'))
}

it.each([
  ['a token of two uses with a name', { uses: 2 }, 'has a name and more than one use'],
  ['a token of no use', { uses: 0 }, 'uses: is under 1'],
  ['a token for two years', { expiresIn: 2 * 365 * 86_400 }, 'expiresIn: is over 31536000'],
  ['a token with a role in capitals', { roles: ['Admin'] }, 'roles.0: is not a label'],
  [
    'a token with more tags than a credential has room for',
    { tags: Array.from({ length: 16 }, () => 't'.repeat(60)) },
    'has roles and tags of over 800 characters together',
  ],
])('%s is refused', async (_, change, reason) => {
  expect(await requestOf('POST /v1/tokens')(change)).toContain(`Cannot read request: ${reason}`)
})

it('a token request without fields is one of one use for an agent, for a day', () => {
  const schema = apiRoutes.find(route => nameOf(route) === 'POST /v1/tokens')?.request
  expect(schema && parse(schema, {}, 'read request')).toEqual({
    expiresIn: 86_400,
    roles: ['agent'],
    tags: [],
    ephemeral: false,
  })
})

it.each([
  ['a secret of another length', 'POST /v1/enrol', { secret: 's' }],
  ['a name that is no label', 'POST /v1/enrol', { name: '-x' }],
  ['a record over its limit', 'PUT /v1/members/self', { record: `a.b.${'c'.repeat(1024)}` }],
  ['501 changes', 'POST /v1/relays/self/report', { down: Array.from({ length: 501 }, () => member.peerId) }],
  ['report number 0', 'POST /v1/relays/self/report', { seq: 0 }],
  ['a negative load', 'POST /v1/relays/self/report', { load: { agents: -1, reservations: 0, visitors: 0 } }],
  [
    'an unknown load',
    'POST /v1/relays/self/report',
    { load: { agents: 1, reservations: 0, visitors: 0, x: 1 } },
  ],
  ['a revocation of two', 'POST /v1/revocations', { peerId: member.peerId }],
  ['a revocation of nobody', 'POST /v1/revocations', { serial: undefined }],
  ['a policy with a grant of a later version', 'PUT /v1/policy', { policy: { grants: [{}], tests: [] } }],
])('%s is refused', async (_, name, change) => {
  expect(await requestOf(name)(change)).toMatch(/^invalid_argument: /)
})
