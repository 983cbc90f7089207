import { expect, it } from 'vitest'
import { TestMesh } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { signHomeClaim } from './home-claim.ts'
import { limits } from './limits.ts'
import { formatMapCursor } from './map-cursor.ts'
import {
  isRemoval,
  mapChangeSchema,
  mapMessageBytes,
  mapMessageSchema,
  mapPageSchema,
  mapRequestSchema,
} from './map.ts'
import { parse } from './parse.ts'

const mesh = await TestMesh.create()
const member = await mesh.member()
const place = { shard: 3, v: 7, peerId: member.peerId }
const pair = { ...place, record: await member.record(), credential: await member.credential() }
const removal = { ...place, gone: member.serial }
const next = formatMapCursor({ epoch: 'e', v: Array.from({ length: 16 }, () => 1) })
const read = (value: unknown) =>
  parse(mapMessageSchema, JSON.parse(JSON.stringify(value)), 'read map message')

it('pairs and removals are told apart, and keep later fields', () => {
  const changes = [pair, removal, { ...pair, later: 1 }, { ...removal, later: 1 }]
  const page = parse(mapPageSchema, { changes, next, more: false }, 'read map page')
  expect(page.changes).toEqual(changes)
  expect(page.changes.map(isRemoval)).toEqual([false, true, false, true])
})

it('nothing is a pair and a removal in one', async () => {
  const change = (value: unknown) => parse(mapChangeSchema, value, 'read change')
  expect(isRemoval(change({ ...pair, gone: member.serial }))).toBe(true)
  for (const gone of ['', 1, null, { toString: 1 }])
    expect(await refusal(() => change({ ...pair, gone }))).toMatch(/^invalid_argument: /)
})

it.each([
  ['shard 16', { ...removal, shard: 16 }],
  ['shard -1', { ...removal, shard: -1 }],
  ['version 0', { ...removal, v: 0 }],
  ['a peer id that is none', { ...removal, peerId: 'me' }],
  ['a pair without a credential', { ...place, record: pair.record }],
])('a change with %s is refused', async (_, change) => {
  expect(
    await refusal(() => read({ type: 'changes', page: { changes: [change], next, more: false } })),
  ).toMatch(/^invalid_argument: Cannot read map message: page.changes.0/)
})

it('every message of the stream is read', async () => {
  const messages = [
    { type: 'head', head: await mesh.head() },
    { type: 'changes', page: { changes: [pair], next, more: true } },
    { type: 'restart' },
    { type: 'presence', full: true, up: [member.peerId], down: [] },
  ]
  for (const message of messages) expect(read({ ...message, later: 1 })).toEqual({ ...message, later: 1 })
})

it('what an agent says to a relay is read: where it stands, and that the relay is its home', async () => {
  const home = await signHomeClaim(member.signer, { relay: member.peerId, homeSeq: 1 })
  const checks = [['disk', 'warning']]
  const health = { type: 'health', serving: true, ready: true, checks, load: [['math@2', 61, 3, 0]] }
  for (const request of [{ type: 'sync' }, { type: 'sync', since: next }, { type: 'home', home }, health])
    expect(parse(mapRequestSchema, { ...request, later: 1 }, 'read map request')).toEqual({
      ...request,
      later: 1,
    })
  const tooFull = { ...health, load: [['math@2', 101, 3, 0]] }
  const tooMany = { ...health, checks: Array.from({ length: 17 }, () => ['disk', 'warning']) }
  const wrong = [{ type: 'sync', since: 'x'.repeat(513) }, { type: 'home' }, { type: 'head' }, null]
  for (const each of [...wrong, tooFull, tooMany])
    expect(await refusal(() => parse(mapRequestSchema, each, 'read map request'))).toMatch(
      /^invalid_argument: /,
    )
})

it('a page and a head at all their limits fit the longest message', () => {
  const jws = (max: number) => `a.b.${'c'.repeat(max - 4)}`
  const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value)
  const document = jws(limits.documentBytes)
  const keys = { root: mesh.chain.root, links: times(limits.keyChain, jws(limits.keyLinkBytes)) }
  const head = { head: document, keys, relays: document, policy: document, revocations: document }
  const message = read({ type: 'head', head })
  expect(JSON.stringify(message).length).toBeLessThan(mapMessageBytes)
  expect(limits.mapBytes).toBeLessThan(mapMessageBytes)
})

it('an unknown message and one over its limits are refused', async () => {
  expect(await refusal(() => read({ type: 'gossip' }))).toMatch(/^invalid_argument: .*type: /)
  const changes = Array.from({ length: limits.mapPairs + 1 }, () => removal)
  expect(await refusal(() => read({ type: 'changes', page: { changes, next, more: false } }))).toMatch(
    /over 1000 items$/,
  )
  const up = Array.from({ length: limits.mapPairs + 1 }, () => member.peerId)
  expect(await refusal(() => read({ type: 'presence', full: true, up, down: [] }))).toMatch(
    /up: is over 1000 items$/,
  )
})
