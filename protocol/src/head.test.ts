import { beforeAll, expect, it } from 'vitest'
import { TestMesh } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { rolledBack, signedHeadSchema, verifyHead, type HeadNumbers, type SignedHead } from './head.ts'
import { limits } from './limits.ts'
import { parse } from './parse.ts'
import { defaultPolicy } from './policy.ts'

const now = Date.UTC(2030, 0, 1)
const parts = ['relays', 'policy', 'revocations'] as const
let mesh: TestMesh
let signed: SignedHead
beforeAll(async () => {
  mesh = await TestMesh.create({ now: () => now })
  signed = await mesh.head()
})

const verify = (head: SignedHead) => refusal(verifyHead(mesh.meshId, head))

it('a head gives back its parts, verified', async () => {
  const relay = await mesh.member({ roles: ['relay'] })
  const relays = [
    { peerId: relay.peerId, name: relay.name, region: 'eu-1', addrs: ['/ip4/192.0.2.1/tcp/4001'] },
  ]
  const head = await mesh.head({
    relays,
    peerIds: [relay.peerId],
    serials: [relay.serial],
    numbers: { relays: 7 },
  })
  const verified = await verifyHead(mesh.meshId, head)
  expect(verified).toMatchObject({
    numbers: { keys: 1, relays: 7, policy: 1, revocations: 1 },
    issuedAt: now,
    relays,
    policy: defaultPolicy,
    signed: head,
  })
  expect([...verified.revocations.peerIds, ...verified.revocations.serials]).toEqual([
    relay.peerId,
    relay.serial,
  ])
})

it('a head survives JSON and the schema of the wire, later fields too', () => {
  const later = { ...signed, later: 1 }
  expect(parse(signedHeadSchema, JSON.parse(JSON.stringify(later)), 'read head')).toEqual(later)
})

it.each(parts)('an older part cannot be slipped under a newer head: %s', async name => {
  const newer = await mesh.head({ numbers: { [name]: 2 } })
  expect(await verify(newer)).toBe('accepted')
  expect(await verify({ ...newer, [name]: signed[name] })).toMatch(
    /^unauthenticated: .*numbers are not those/,
  )
  expect(await verify({ ...signed, [name]: newer[name] })).toMatch(
    /^unauthenticated: .*numbers are not those/,
  )
})

it('a key chain cut short or grown does not fit the head', async () => {
  const rotated = await TestMesh.create({ now: () => now })
  const before = await rotated.head()
  await rotated.rotate()
  const after = await rotated.head()
  const check = (head: SignedHead) => refusal(verifyHead(rotated.meshId, head))
  expect(await check(after)).toBe('accepted')
  expect(await check({ ...before, keys: after.keys })).toMatch(/^unauthenticated: .*numbers are not those/)
  expect(await check({ ...after, keys: before.keys })).toMatch(/^unauthenticated: .*no authority key/)
})

it('revocations say when they were made, and count without it', async () => {
  const { peerId } = await mesh.member()
  const listed = async (times?: number[]) =>
    (await verifyHead(mesh.meshId, await mesh.head({ peerIds: [peerId], ...(times ? { times } : {}) })))
      .revocations
  expect((await listed([1_900_000_000_000])).times.get(peerId)).toBe(1_900_000_000_000)
  for (const times of [undefined, [1, 2]]) {
    const { peerIds, times: told } = await listed(times)
    expect([peerIds.has(peerId), told.size]).toEqual([true, 0])
  }
})

it('no part passes for another', async () => {
  for (const name of ['head', ...parts] as const)
    for (const other of ['head', ...parts] as const) {
      if (name === other) continue
      expect(await verify({ ...signed, [name]: signed[other] })).toMatch(/^unauthenticated: .*typ is /)
    }
})

it('each part of another mesh is refused, also when an authority of this one signed it', async () => {
  const other = await TestMesh.create({ now: () => now })
  const foreign = await other.head()
  for (const name of ['head', ...parts] as const)
    expect(await verify({ ...signed, [name]: foreign[name] })).toMatch(/^unauthenticated: .*no authority key/)
  const misdirected = await mesh.head({ mesh: other.meshId })
  for (const name of ['head', ...parts] as const)
    expect(await verify({ ...signed, [name]: misdirected[name] })).toMatch(
      /^unauthenticated: .*it is of another mesh$/,
    )
})

it('a head of a mesh that was not asked for is refused', async () => {
  const other = await TestMesh.create({ now: () => now })
  expect(await verify(await other.head())).toMatch(/^unauthenticated: Cannot trust this control plane/)
})

it('a damaged part ends in a MeshError', async () => {
  for (const name of ['head', ...parts] as const)
    expect(await verify({ ...signed, [name]: `${signed[name].slice(0, -1)}` })).toMatch(/^unauthenticated: /)
})

it.each<[string, Partial<HeadNumbers>, keyof HeadNumbers | undefined]>([
  ['equal numbers', {}, undefined],
  ['a higher number', { policy: 6 }, undefined],
  ['fewer keys', { keys: 4 }, 'keys'],
  ['an older relay list', { relays: 4, policy: 9 }, 'relays'],
  ['an older policy', { policy: 4 }, 'policy'],
  ['fewer revocations', { revocations: 4 }, 'revocations'],
])('going back is noticed: %s', (_, changes, found) => {
  const known = { keys: 5, relays: 5, policy: 5, revocations: 5 }
  expect(rolledBack(known, { ...known, ...changes })).toBe(found)
})

it('the longest lists fit their document; one more is not signed', async () => {
  const { peerId, serial } = await mesh.member()
  const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value)
  const addr = `/dns4/${'a'.repeat(60)}/tcp/4001`
  const relay = { peerId, name: 'n'.repeat(63), region: 'r'.repeat(63), addrs: times(limits.addrs, addr) }
  const full = {
    relays: times(limits.relays, relay),
    peerIds: times(limits.revocations, peerId),
    serials: times(limits.revocations, serial),
    times: times(limits.revocations, 4_000_000_000_000),
  }
  expect(await verify(await mesh.head(full))).toBe('accepted')
  const over = { ...full, serials: [...full.serials, serial] }
  expect(await refusal(mesh.head(over))).toMatch(
    /^invalid_argument: Cannot sign revocations.*over 4096 items$/,
  )
})
