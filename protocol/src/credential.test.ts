import { beforeAll, expect, it } from 'vitest'
import { claimsOf, forgeJws, withPayload } from '../../test/support/forged-jws.ts'
import { TestMesh, type TestMember } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { credentialDays, verifyCredential, type CredentialCheck } from './credential.ts'
import { limits } from './limits.ts'

const now = Date.UTC(2030, 0, 1)
const day = 24 * 3600
let mesh: TestMesh
let member: TestMember
beforeAll(async () => {
  mesh = await TestMesh.create({ now: () => now })
  member = await mesh.member()
})

const check = (changes: Partial<CredentialCheck> = {}): CredentialCheck => ({
  meshId: mesh.meshId,
  keys: mesh.keys,
  now,
  ...changes,
})
const verify = (jwt: string, changes?: Partial<CredentialCheck>) =>
  refusal(verifyCredential(jwt, check(changes)))

it('a credential gives back its claims, unknown ones too', async () => {
  const jwt = await member.credential({ later: 1 })
  const claims = await verifyCredential(jwt, check({ peerId: member.peerId }))
  expect(claims).toEqual(claimsOf(jwt))
  expect(claims).toMatchObject({ sub: member.peerId, serial: member.serial, roles: ['agent'], later: 1 })
})

it('a credential of another mesh is refused, whoever signed it', async () => {
  const other = await TestMesh.create({ now: () => now })
  const theirs = await (await other.member()).credential()
  expect(await verify(theirs)).toMatch(/^unauthenticated: .*is no authority key of this mesh$/)
  expect(await verify(await member.credential({ iss: other.meshId }))).toMatch(
    /^unauthenticated: .*it is of mesh/,
  )
})

it('a credential ends at its last second, and an old one may stand in the map alone', async () => {
  const jwt = await member.credential()
  const end = now + credentialDays.life * day * 1000
  expect(await verify(jwt, { now: end - 1 })).toBe('accepted')
  expect(await verify(jwt, { now: end })).toMatch(/^unauthenticated: .*expired at 2030-01-22T00:00:00.000Z$/)
  expect(await verify(jwt, { now: 'any' })).toBe('accepted')
  expect(await verify(withPayload(jwt, claimsOf(jwt)).slice(0, -4), { now: 'any' })).toMatch(
    /^unauthenticated/,
  )
})

it('a credential from the future is refused, a clock a day behind forgiven', async () => {
  const jwt = await member.credential()
  expect(await verify(jwt, { now: now - limits.futureMs })).toBe('accepted')
  expect(await verify(jwt, { now: now - limits.futureMs - 1 })).toMatch(/^unauthenticated: .*in the future$/)
})

it('a credential shown by another member is refused', async () => {
  const stranger = await mesh.member()
  const jwt = await member.credential()
  expect(await verify(jwt, { peerId: stranger.peerId })).toBe(
    `unauthenticated: Cannot accept credential of ${member.peerId}: shown by ${stranger.peerId}`,
  )
})

it('changed claims are noticed: more roles, a longer life, another subject', async () => {
  const jwt = await member.credential()
  const claims = claimsOf(jwt)
  const stranger = await mesh.member()
  for (const change of [{ roles: ['admin'] }, { exp: 9_999_999_999 }, { sub: stranger.peerId }])
    expect(await verify(withPayload(jwt, { ...claims, ...change }))).toMatch(/^unauthenticated: .*signature/)
})

it('a member cannot sign its own credential, nor can the root', async () => {
  const claims = claimsOf(await member.credential())
  for (const key of [member, mesh.root]) {
    const header = { alg: 'EdDSA', typ: 'membership+jwt', kid: key.kid }
    expect(await verify(forgeJws(header, claims, key))).toMatch(/^unauthenticated: .*no authority key/)
    const posing = { ...header, kid: mesh.authority.kid }
    expect(await verify(forgeJws(posing, claims, key))).toMatch(/^unauthenticated: .*signature/)
  }
})

it('a credential outlives the rotation of the authority key', async () => {
  const rotated = await TestMesh.create({ now: () => now })
  const old = await (await rotated.member()).credential()
  await rotated.rotate('P-256')
  const fresh = await (await rotated.member()).credential()
  for (const jwt of [old, fresh])
    expect(await refusal(verifyCredential(jwt, check({ meshId: rotated.meshId, keys: rotated.keys })))).toBe(
      'accepted',
    )
})

it('a credential without a serial, or with a name that is no label, is neither signed nor accepted', async () => {
  const claims = claimsOf(await member.credential())
  for (const change of [
    { serial: 'x' },
    { name: 'Not A Name' },
    { roles: 'admin' },
    { exp: -1 },
    { exp: 1.5 },
  ]) {
    const header = { alg: 'EdDSA', typ: 'membership+jwt', kid: mesh.authority.kid }
    expect(await verify(forgeJws(header, { ...claims, ...change }, mesh.authority))).toMatch(
      /^unauthenticated/,
    )
    expect(await refusal(member.credential(change as object))).toMatch(
      /^invalid_argument: Cannot sign membership/,
    )
  }
})

it('a credential at the limit of roles and tags can be signed and is accepted; over the size it is not signed', async () => {
  const words = (count: number, chars: number) => Array.from({ length: count }, () => 'x'.repeat(chars))
  const longest = { name: 'n'.repeat(63), region: 'r'.repeat(63), jti: 'j'.repeat(64) }
  const full = await member.credential({ ...longest, roles: words(16, 24), tags: words(16, 24) })
  expect(await verify(full)).toBe('accepted')
  expect(await refusal(member.credential({ roles: words(16, 63), tags: words(16, 63) }))).toMatch(
    /^too_large: /,
  )
  expect(await refusal(member.credential({ roles: words(17, 1) }))).toMatch(
    /^invalid_argument: .*over 16 items$/,
  )
})
