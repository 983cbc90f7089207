import fc from 'fast-check'
import { expect, it } from 'vitest'
import type * as z from 'zod/mini'
import { explore, fuzzRuns, hostileJson, hostileText } from '../../test/support/hostile-input.ts'
import { TestMesh } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { problemSchema } from './api/problem.ts'
import { apiRoutes } from './api/routes.ts'
import { helloSchema } from './hello.ts'
import { formatMapCursor } from './map-cursor.ts'
import { isRemoval, mapMessageSchema, mapPageSchema, mapRequestSchema } from './map.ts'
import { parse, parseJson } from './parse.ts'
import { defaultPolicy, evaluate, failedPolicyTests, policySchema } from './policy.ts'
import { upgradeMessageSchema } from './upgrade.ts'

const mesh = await TestMesh.create()
const member = await mesh.member()
const [record, credential, head] = await Promise.all([member.record(), member.credential(), mesh.head()])
const next = formatMapCursor({ epoch: 'e', v: Array.from({ length: 16 }, () => 1) })
const place = { shard: 3, v: 7, peerId: member.peerId }
const page = {
  changes: [
    { ...place, record, credential },
    { ...place, gone: member.serial },
  ],
  next,
  more: false,
  numbers: { keys: 1, relays: 1, policy: 1, revocations: 1 },
}

const means = {
  mapping: 'stable',
  observed: ['/ip4/45.45.45.2/tcp/31000'],
  local: ['/ip4/192.168.1.2/tcp/21000'],
  listen: ['/ip6/2a00::1/tcp/4001'],
  webrtc: true,
}

/** Values that fit one schema or another; each schema is shown all of them, changed. */
const bodies: object[] = [
  page,
  { type: 'changes', page },
  { type: 'head', head },
  { type: 'presence', full: true, up: [member.peerId], down: [] },
  { type: 'sync', since: next },
  { type: 'offer', ...means },
  { type: 'answer', ...means },
  {
    type: 'signal',
    kind: 'candidate',
    data: '{"candidate":"candidate:1 1 UDP 1 45.45.45.2 40000 typ host"}',
  },
  { type: 'result', reasons: ['punch: no answer in 6 s'] },
  { versions: [1], credential, record, observed: '/ip4/45.45.45.2/tcp/31000' },
  { credential, head },
  { record },
  { secret: 's'.repeat(43), name: 'web-1' },
  { uses: 1, expiresIn: 60, roles: ['agent'], tags: ['gpu'], name: 'web-1' },
  { meshId: mesh.meshId, head, serverTime: 1, watchUrl: 'wss://x/v1/watch' },
  {
    type: 'urn:agent-mesh:error:conflict',
    title: 'x',
    status: 409,
    detail: 'x',
    code: 'conflict',
    details: { a: 1 },
  },
  {
    epoch: 'epoch-01',
    seq: 1,
    up: [record],
    down: [member.peerId],
    load: { agents: 1, reservations: 1, visitors: 0 },
    health: { ready: true, version: '0.1.0' },
  },
]

const schemas: { name: string; schema: z.ZodMiniType }[] = [
  { name: 'map page', schema: mapPageSchema },
  { name: 'map message', schema: mapMessageSchema },
  { name: 'map request', schema: mapRequestSchema },
  { name: 'problem', schema: problemSchema },
  { name: 'upgrade message', schema: upgradeMessageSchema },
  { name: 'hello', schema: helloSchema },
  ...apiRoutes.flatMap(({ method, path, request, reply }) => [
    ...(request === undefined ? [] : [{ name: `request ${method} ${path}`, schema: request }]),
    ...(reply === undefined ? [] : [{ name: `reply ${method} ${path}`, schema: reply }]),
  ]),
]

it.each(schemas)(
  '$name: any JSON ends in a MeshError or in a value that is read again as the same',
  async ({ schema }) => {
    await explore(
      fc.asyncProperty(hostileJson(bodies), async value => {
        const answer = await refusal(() => {
          const read = parse(schema, value, 'read it')
          expect(parse(schema, read, 'read it')).toEqual(read)
        })
        expect(answer).toMatch(/^(accepted$|invalid_argument: Cannot read it: )/)
        expect(answer.length).toBeLessThan(400)
      }),
      Math.ceil(fuzzRuns / 4),
    )
  },
)

it('any text read as JSON ends in a MeshError or a value', async () => {
  const texts = bodies.map(body => JSON.stringify(body))
  await explore(
    fc.asyncProperty(hostileText(texts), async text => {
      const answer = await refusal(() => parseJson(mapMessageSchema, text, 'read it'))
      expect(answer).toMatch(/^(accepted$|invalid_argument: )/)
    }),
    fuzzRuns,
  )
})

it('a change that is taken is a pair or a removal, whole', async () => {
  await explore(
    fc.asyncProperty(hostileJson([page]), async value => {
      await refusal(() => {
        for (const change of parse(mapPageSchema, value, 'read page').changes)
          expect(typeof (isRemoval(change) ? change.gone : change.record)).toBe('string')
      })
    }),
    fuzzRuns,
  )
})

it('a policy that is taken can be evaluated and tested, and never allows what it does not name', async () => {
  const test = { from: 'role:agent', action: 'call', to: 'service:a', expect: 'allow' } as const
  const subject = { sub: 'p', name: 'n', roles: [], tags: [] }
  await explore(
    fc.asyncProperty(hostileJson([{ ...defaultPolicy, tests: [test] }]), async value => {
      await refusal(() => {
        const policy = parse(policySchema, value, 'read policy')
        expect(Array.isArray(failedPolicyTests(policy))).toBe(true)
        expect(evaluate(policy, subject, 'call', 'service:a')).toBeUndefined()
      })
    }),
    fuzzRuns,
  )
})
