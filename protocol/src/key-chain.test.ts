import { beforeAll, describe, expect, it } from 'vitest'
import { forgeJws } from '../../test/support/forged-jws.ts'
import { TestMesh, testKey } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import {
  compareChains,
  keyChainSchema,
  signKeyLink,
  verifyKeyChain,
  type SignedKeyChain,
} from './key-chain.ts'
import { verifyHead } from './head.ts'
import { limits } from './limits.ts'
import { parse } from './parse.ts'

let mesh: TestMesh
beforeAll(async () => {
  mesh = await TestMesh.create()
  await mesh.rotate('P-256')
  await mesh.rotate()
})

const verify = (signed: SignedKeyChain, meshId = mesh.meshId) => refusal(verifyKeyChain(meshId, signed))
const links = () => mesh.chain.links as [string, string, string]

it('a chain of three keys of both types leads from the mesh id to the newest key', async () => {
  const keys = await verifyKeyChain(mesh.meshId, mesh.chain)
  expect(keys.current).toEqual({ kid: mesh.authority.kid, jwk: mesh.authority.jwk })
  expect(keys.keyOf(mesh.authority.kid)).toEqual(mesh.authority.jwk)
  expect(parse(keyChainSchema, JSON.parse(JSON.stringify(mesh.chain)), 'read chain')).toEqual(mesh.chain)
})

it('the root is no authority key, nor is a stranger', async () => {
  for (const kid of [mesh.root.kid, (await testKey('Ed25519')).kid, '__proto__', 'constructor'])
    expect(await refusal(() => mesh.keys.keyOf(kid))).toMatch(
      /^unauthenticated: .*no authority key of this mesh$/,
    )
})

it('a chain of another root is refused, and says what to do', async () => {
  const other = await TestMesh.create()
  const error = await verifyKeyChain(mesh.meshId, other.chain).catch((error: unknown) => error)
  expect(error).toMatchObject({
    code: 'unauthenticated',
    message: `Cannot trust this control plane: it serves mesh ${other.meshId}, not ${mesh.meshId}`,
    hint: expect.stringContaining('join token') as string,
  })
  expect(await verify({ root: mesh.chain.root, links: other.chain.links })).toMatch(
    /^unauthenticated: .*link 1 is signed by/,
  )
})

it('a link left out, repeated or out of order breaks the chain', async () => {
  const [a, b, c] = links()
  for (const wrong of [
    [b, c],
    [a, c],
    [a, a],
    [b, a, c],
    [a, b, b],
  ])
    expect(await verify({ root: mesh.chain.root, links: wrong })).toMatch(
      /^unauthenticated: Cannot verify key chain/,
    )
})

it('a chain cut short is a chain: the numbers of the head tell', async () => {
  const [a, b] = links()
  expect(await verify({ root: mesh.chain.root, links: [a, b] })).toBe('accepted')
})

it('a link signed by any key but the predecessor and the root is refused', async () => {
  const next = await testKey('Ed25519')
  const link = { mesh: mesh.meshId, seq: 4, jwk: next.jwk, iat: 1 }
  const append = (jws: string) => verify({ root: mesh.chain.root, links: [...mesh.chain.links, jws] })
  expect(await append(await signKeyLink(mesh.authority.signer, link))).toBe('accepted')
  expect(await append(await signKeyLink(mesh.root.signer, link))).toBe('accepted')
  const stranger = await testKey('Ed25519')
  expect(await append(await signKeyLink(stranger.signer, link))).toMatch(
    /^unauthenticated: .*link 4 is signed by/,
  )
  const posing = { alg: 'EdDSA', typ: 'key+jws', kid: mesh.authority.kid }
  expect(await append(forgeJws(posing, link, next))).toMatch(/^unauthenticated: .*signature/)
})

it('a link of another mesh or of another place is refused although truly signed', async () => {
  const other = await TestMesh.create()
  const { jwk } = await testKey('Ed25519')
  for (const wrong of [
    { mesh: other.meshId, seq: 4 },
    { mesh: mesh.meshId, seq: 3 },
  ]) {
    const jws = await signKeyLink(mesh.authority.signer, { ...wrong, jwk, iat: 1 })
    expect(await verify({ root: mesh.chain.root, links: [...mesh.chain.links, jws] })).toMatch(
      /^unauthenticated: .*link 4 belongs elsewhere$/,
    )
  }
})

it('a chain is limited in links and in the size of each', async () => {
  const read = (links: string[]) =>
    refusal(() => parse(keyChainSchema, { root: mesh.chain.root, links }, 'read chain'))
  const [a] = links()
  expect(await read(Array.from({ length: limits.keyChain }, () => a))).toBe('accepted')
  expect(await read(Array.from({ length: limits.keyChain + 1 }, () => a))).toMatch(/links: is over 64 items$/)
  expect(await read([])).toMatch(/links: is under 1 items$/)
  expect(await read([`${'a'.repeat(limits.keyLinkBytes)}.a.a`])).toMatch(/links.0: is over 1536 characters$/)
})

it('a root that is no point of its curve ends in a MeshError', async () => {
  const x = 'A'.repeat(43)
  expect(await verify({ root: { kty: 'EC', crv: 'P-256', x, y: x }, links: links() })).toMatch(
    /^unauthenticated: /,
  )
})

describe('a revoked authority key', () => {
  let stolen: TestMesh
  let safe: TestMesh
  beforeAll(async () => {
    stolen = await TestMesh.create()
    safe = stolen.copy()
    await safe.rotate('Ed25519', safe.root)
    await safe.revokeKeys()
  })

  it('verifies nothing any more, whatever date its signature has', async () => {
    const { keyOf, current, authorities } = safe.keys
    expect(authorities.map(({ revoked }) => revoked)).toEqual([true, false])
    expect(current.kid).toBe(safe.authority.kid)
    expect(await refusal(() => keyOf(stolen.authority.kid))).toMatch(
      /^unauthenticated: .*signed by a revoked authority key/,
    )
    expect(safe.keys.everKeyOf(stolen.authority.kid)).toEqual(stolen.authority.jwk)
    expect(
      await refusal(verifyHead(safe.meshId, { ...(await safe.head()), head: (await stolen.head()).head })),
    ).toMatch(/revoked authority key/)
  })

  it('cannot come back, nor can a thief revoke the keys of others', async () => {
    const append = (jws: string) =>
      verify({ root: safe.root.jwk, links: [...safe.chain.links, jws] }, safe.meshId)
    const link = { mesh: safe.meshId, seq: 4, jwk: stolen.authority.jwk, iat: 1 }
    expect(await append(await signKeyLink(safe.authority.signer, link))).toMatch(
      /brings back the revoked key/,
    )
    const next = { ...link, jwk: (await testKey('Ed25519')).jwk, revokes: [safe.authority.kid] }
    expect(await append(await signKeyLink(safe.authority.signer, next))).toMatch(/which only the root may/)
    expect(await append(await signKeyLink(safe.root.signer, next))).toBe('accepted')
    const own = { ...link, jwk: safe.authority.jwk, revokes: [safe.authority.kid] }
    expect(await append(await signKeyLink(safe.root.signer, own))).toMatch(/which it cannot/)
  })

  it('is overruled by the root where its thief chose a successor', async () => {
    const thief = stolen.copy()
    await thief.rotate()
    await thief.rotate()
    expect(compareChains(stolen.keys, thief.keys)).toBe('longer')
    expect(compareChains(thief.keys, safe.keys)).toBe('overrules')
    expect(compareChains(safe.keys, thief.keys)).toBe('fork')
    expect(compareChains(safe.keys, stolen.keys)).toBe('fork')
    expect(compareChains(safe.keys, safe.keys)).toBe('same')
  })
})

it('whoever carries a chain cannot make another branch of it out of an ECDSA signature', async () => {
  const curve = await TestMesh.create({ type: 'P-256' })
  const known = curve.keys
  await curve.rotate('P-256')
  const carried = await verifyKeyChain(curve.meshId, {
    ...curve.chain,
    links: curve.chain.links.map(otherSignature),
  })
  expect(carried.signed.links).not.toContain(curve.chain.links[1])
  expect(compareChains(known, carried)).toBe('longer')
  expect(compareChains(carried, curve.keys)).toBe('same')
})

/** The second signature that ECDSA takes for the same text: (r, n - s). */
function otherSignature(jws: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const [text = '', signature = ''] = [jws.slice(0, jws.lastIndexOf('.')), jws.split('.')[2]]
  const bytes = Buffer.from(signature, 'base64url')
  const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
  return `${text}.${other.toString('base64url')}`
}
