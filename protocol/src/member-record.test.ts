import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { claimsOf, forgeJws, withPayload } from '../../test/support/forged-jws.ts'
import { TestMesh, type TestMember } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { limits } from './limits.ts'
import { nextIncarnation, signRecord, verifyRecord } from './member-record.ts'

const now = Date.UTC(2030, 0, 1)
let member: TestMember
let other: TestMember
beforeAll(async () => {
  const mesh = await TestMesh.create({ now: () => now })
  ;[member, other] = await Promise.all([mesh.member(), mesh.member()])
})

const verify = (jws: string) => refusal(verifyRecord(jws, now))
const forge = (claims: object, kid = member.peerId) =>
  forgeJws({ alg: 'EdDSA', typ: 'member+jws', kid }, claims, member)

it('a record names its owner by the key that signed it and keeps unknown fields', async () => {
  const jws = await member.record({ later: { a: 1 } })
  expect(await verifyRecord(jws, now)).toEqual({ peerId: member.peerId, record: claimsOf(jws) })
})

it('a record that claims the peer id of another member is refused', async () => {
  expect(await verify(forge(claimsOf(await member.record()), other.peerId))).toMatch(
    /^unauthenticated: .*signature/,
  )
})

it('a changed record is refused', async () => {
  const jws = await member.record()
  const moved = { ...claimsOf(jws), addrs: ['/ip4/203.0.113.9/tcp/1'] }
  expect(await verify(withPayload(jws, moved))).toMatch(/^unauthenticated: .*signature/)
})

it('an incarnation of at most a day ahead is accepted', async () => {
  expect(await verify(await member.record({ incarnation: now + limits.futureMs }))).toBe('accepted')
  expect(await verify(await member.record({ incarnation: now + limits.futureMs + 1 }))).toMatch(
    /^unauthenticated: .*incarnation is more than a day ahead$/,
  )
})

it('an address may have a host name of any length that DNS has', async () => {
  const name = `${'a'.repeat(60)}.`.repeat(5).slice(0, 253)
  const addrs = [`/dns4/${name}/tcp/443/wss`]
  expect(await verify(await member.record({ addrs }))).toBe('accepted')
  const longer = [`/dns4/${name}a/tcp/443/wss`]
  expect(await refusal(member.record({ addrs: longer }))).toMatch(/^invalid_argument: /)
})

it('a record over 1 KiB is neither signed nor accepted', async () => {
  const record = claimsOf(await member.record())
  const services = Array.from({ length: 32 }, (_, i) =>
    `service-with-a-long-name.part-${i}@1`.replace('-0', '-x'),
  )
  expect(await refusal(member.record({ services }))).toMatch(/^too_large: .*limit 1024$/)
  expect(await verify(forge({ ...record, services }))).toMatch(/^too_large: .*limit 1024$/)
})

it.each([
  ['a circuit address', { addrs: ['/ip4/192.0.2.1/tcp/4001/p2p-circuit'] }],
  ['an address with a peer id', { addrs: ['/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW'] }],
  ['an address that does not exist', { addrs: ['/ip4/300.0.2.1/tcp/4001'] }],
  ['a port that does not exist', { addrs: ['/ip4/192.0.2.1/tcp/70000'] }],
  ['nine addresses', { addrs: Array.from({ length: 9 }, (_, i) => `/ip4/10.0.0.${i}/tcp/1`) }],
  [
    'three home relays',
    { homeRelays: Array.from({ length: 3 }, () => '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV') },
  ],
  ['a home relay that is no peer', { homeRelays: [`12D3KooW${'z'.repeat(44)}`] }],
  ['a round trip that is no whole number of ms', { homeRttMs: [1.5] }],
  ['a round trip below zero', { homeRttMs: [-1] }],
  ['a round trip over a minute', { homeRttMs: [limits.homeRttMs + 1] }],
  ['three round trips', { homeRttMs: [1, 2, 3] }],
  ['a service without a version', { services: ['math'] }],
  ['an incarnation below zero', { incarnation: -1 }],
  ['an incarnation that is no integer', { incarnation: 1.5 }],
  ['no serial', { serial: undefined }],
])('a record with %s is neither signed nor accepted', async (_, change) => {
  const record = { ...claimsOf(await member.record()), ...change }
  expect(await verify(forge(record))).toMatch(/^unauthenticated: Cannot verify member\+jws: /)
  expect(await refusal(signRecord(member.signer, record as never))).toMatch(/^invalid_argument: /)
})

it('every record within the limits survives being signed and verified', async () => {
  const record = fc.record({
    incarnation: fc.integer({ min: 0, max: now }),
    addrs: fc.array(
      fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 })).map(([h, p]) => `/ip4/${h}/tcp/${p}`),
      { maxLength: 4 },
    ),
    homeRelays: fc.subarray([member.peerId, other.peerId]),
    homeRttMs: fc.array(fc.integer({ min: 0, max: limits.homeRttMs }), { maxLength: 2 }),
    services: fc.array(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}@[1-9]$/), { maxLength: 8 }),
    serial: fc.constant(member.serial),
  })
  await fc.assert(
    fc.asyncProperty(record, async record => {
      expect((await verifyRecord(await signRecord(member.signer, record), now)).record).toEqual(record)
    }),
  )
})

it.each([
  [5, 9, 9],
  [9, 5, 10],
  [9, 9, 10],
])('after incarnation %i a start at time %i begins with %i', (stored, time, next) => {
  expect(nextIncarnation(stored, time)).toBe(next)
})
