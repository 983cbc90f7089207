import { beforeAll, expect, it } from 'vitest'
import { claimsOf, forgeJws } from '../../test/support/forged-jws.ts'
import { TestMesh, testSerial, type HeadContent, type TestMember } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { verifyHead } from './head.ts'
import { admit, agreeOnVersion, helloBytes, helloSchema, meshVersions, type Hello } from './hello.ts'
import { limits } from './limits.ts'
import { parse } from './parse.ts'

const now = Date.UTC(2030, 0, 1)
let mesh: TestMesh
let member: TestMember
let hello: Hello
beforeAll(async () => {
  mesh = await TestMesh.create({ now: () => now })
  member = await mesh.member()
  hello = { versions: [1], credential: await member.credential(), record: await member.record() }
})

async function admission(changes: Partial<Hello> = {}, head: HeadContent = {}, peerId = member.peerId) {
  const verified = await verifyHead(mesh.meshId, await mesh.head(head))
  return admit({ ...hello, ...changes }, peerId, verified, now)
}

it('a member is admitted with its claims, its record and both as received', async () => {
  const peer = await admission()
  expect(peer).toMatchObject({
    peerId: member.peerId,
    version: 1,
    credential: { serial: member.serial },
    record: { services: ['math@2'] },
    signed: { credential: hello.credential, record: hello.record },
  })
})

it('an admin shows no record and is admitted without one', async () => {
  const admin = await mesh.member({ roles: ['admin'] })
  const verified = await verifyHead(mesh.meshId, await mesh.head())
  const shown = { versions: [1], credential: await admin.credential() }
  expect(await admit(shown, admin.peerId, verified, now)).toMatchObject({ record: undefined })
})

it('a member revoked by its peer id, or removed by its serial, is not admitted', async () => {
  const was = (how: string) => `revoked: Cannot admit ${member.name}: it was ${how}`
  expect(await refusal(admission({}, { peerIds: [member.peerId] }))).toBe(was('revoked'))
  expect(await refusal(admission({}, { serials: [member.serial] }))).toBe(was('removed'))
  const other = await mesh.member()
  expect(await refusal(admission({}, { peerIds: [other.peerId], serials: [other.serial] }))).toBe('accepted')
})

it('renewal does not escape the revocation of a serial', async () => {
  const renewed = await member.credential({ jti: testSerial(), iat: now / 1000 + 60 })
  expect(await refusal(admission({ credential: renewed }, { serials: [member.serial] }))).toMatch(
    /^revoked: /,
  )
})

it('the credential of another member is refused', async () => {
  const thief = await mesh.member()
  expect(await refusal(admission({ record: await thief.record() }, {}, thief.peerId))).toMatch(
    /^unauthenticated: .*shown by/,
  )
})

it('a credential of another mesh is refused', async () => {
  const other = await TestMesh.create({ now: () => now })
  const foreign = await other.member()
  const shown = { credential: await foreign.credential(), record: await foreign.record() }
  expect(await refusal(admission(shown, {}, foreign.peerId))).toMatch(/^unauthenticated: /)
})

it('the record of another member or of an earlier enrolment is refused', async () => {
  const other = await mesh.member()
  const reason = /^unauthenticated: .*its record is of another enrolment$/
  expect(await refusal(admission({ record: await other.record({ serial: member.serial }) }))).toMatch(reason)
  expect(await refusal(admission({ record: await member.record({ serial: testSerial() }) }))).toMatch(reason)
})

it('an expired credential and a record from the future are refused', async () => {
  const expired = await member.credential({ exp: now / 1000 - 1 })
  expect(await refusal(admission({ credential: expired }))).toMatch(/^unauthenticated: .*expired at/)
  const early = await member.record({ incarnation: now + limits.futureMs + 1 })
  expect(await refusal(admission({ record: early }))).toMatch(/^unauthenticated: .*a day ahead$/)
})

it('a forged record ends in a MeshError', async () => {
  const header = { alg: 'EdDSA', typ: 'member+jws', kid: member.peerId }
  const forged = forgeJws(header, claimsOf(hello.record ?? ''), await mesh.member())
  expect(await refusal(admission({ record: forged }))).toMatch(/^unauthenticated: .*signature/)
})

it('peers without a common version part with a hint to upgrade', async () => {
  expect(await refusal(admission({ versions: [7, 9] }))).toBe(
    'unsupported: Cannot talk to peer: it speaks versions 7, 9',
  )
  expect(agreeOnVersion([99, ...meshVersions])).toBe(meshVersions[0])
})

it.each([
  ['no version', { versions: [] }],
  ['nine versions', { versions: [1, 2, 3, 4, 5, 6, 7, 8, 9] }],
  ['version 0', { versions: [0] }],
  ['a credential that is no JWS', { credential: 'x' }],
  ['a record over 1 KiB', { record: `a.b.${'c'.repeat(1024)}` }],
])('a hello with %s is refused', async (_, change) => {
  expect(await refusal(() => parse(helloSchema, { ...hello, ...change }, 'read hello'))).toMatch(
    /^invalid_argument: /,
  )
})

it('a hello keeps later fields, and the longest one fits its limit', () => {
  const longest = { ...hello, versions: Array.from({ length: 8 }, () => Number.MAX_SAFE_INTEGER), later: 1 }
  longest.credential = `a.b.${'c'.repeat(limits.credentialBytes - 4)}`
  longest.record = `a.b.${'c'.repeat(limits.recordBytes - 4)}`
  expect(parse(helloSchema, longest, 'read hello')).toEqual(longest)
  expect(JSON.stringify(longest).length).toBeLessThan(helloBytes)
})
