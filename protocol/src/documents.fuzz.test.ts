import fc from 'fast-check'
import { expect, it } from 'vitest'
import { claimsOf, forgeJws } from '../../test/support/forged-jws.ts'
import { explore, fuzzRuns, hostileJson, hostileText } from '../../test/support/hostile-input.ts'
import { TestMesh, type TestKey } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { verifyCredential } from './credential.ts'
import { signedHeadSchema, verifyHead } from './head.ts'
import { admit, helloSchema } from './hello.ts'
import { signHomeClaim, verifyHomeClaim } from './home-claim.ts'
import { verifyKeyChain } from './key-chain.ts'
import { verifyRecord } from './member-record.ts'
import { parse } from './parse.ts'
import { signRequest, verifyRequest } from './signed-request.ts'

const now = Date.UTC(2030, 0, 1)
const mesh = await TestMesh.create({ now: () => now })
await mesh.rotate('P-256')
const [member, other] = await Promise.all([mesh.member(), mesh.member()])
const { meshId, keys } = mesh
const head = await mesh.head()
const verified = await verifyHead(meshId, head)
const request = {
  method: 'POST',
  url: new URL('https://cp.example/v1/renew'),
  body: new TextEncoder().encode('{}'),
}

interface Target {
  runs: number
  typ: string
  signer: TestKey
  valid: string[]
  verify: (jws: string) => Promise<unknown>
}

const authorize = async (signer: TestKey) =>
  (await signRequest(signer.signer, request, { meshId, now })).slice('Mesh '.length)
const targets: Target[] = [
  {
    typ: 'member+jws',
    runs: fuzzRuns,
    signer: member,
    valid: [await member.record(), await other.record()],
    verify: jws => verifyRecord(jws, now),
  },
  {
    typ: 'membership+jwt',
    runs: fuzzRuns,
    signer: mesh.authority,
    valid: [await member.credential(), await other.credential()],
    verify: jws => verifyCredential(jws, { meshId, keys, now }),
  },
  {
    typ: 'home+jws',
    runs: fuzzRuns,
    signer: member,
    valid: await Promise.all(
      [member, other].map(key => signHomeClaim(key.signer, { relay: other.peerId, homeSeq: 1 })),
    ),
    verify: verifyHomeClaim,
  },
  {
    typ: 'request+jws',
    runs: fuzzRuns,
    signer: member,
    valid: await Promise.all([member, other].map(authorize)),
    verify: jws => verifyRequest(`Mesh ${jws}`, request, { meshId, now }),
  },
  {
    typ: 'key+jws',
    runs: fuzzRuns,
    signer: mesh.authority,
    valid: [...mesh.chain.links],
    verify: jws => verifyKeyChain(meshId, { root: mesh.chain.root, links: [mesh.chain.links[0] ?? '', jws] }),
  },
  ...(['head', 'relays', 'policy', 'revocations'] as const).map((name): Target => ({
    typ: `${name}+jws`,
    runs: fuzzRuns,
    signer: mesh.authority,
    valid: [head[name]],
    verify: jws => verifyHead(meshId, { ...head, [name]: jws }),
  })),
]

it.each(targets)(
  'no changed $typ is accepted, and all end in a MeshError',
  async ({ valid, verify, runs }) => {
    for (const jws of valid.slice(-1)) expect(await refusal(verify(jws))).toBe('accepted')
    await explore(
      fc.asyncProperty(hostileText(valid), async text => {
        const answer = await refusal(verify(text))
        if (answer === 'accepted') expect(valid).toContain(text)
        else expect(answer.length).toBeLessThan(600)
      }),
      runs,
    )
  },
)

it.each(targets)(
  'a truly signed $typ with any header and claims ends in a MeshError or is what was signed',
  async target => {
    const { typ, signer, valid, verify, runs } = target
    const header = { alg: signer.jwk.kty === 'OKP' ? 'EdDSA' : 'ES256', typ, kid: signer.kid }
    const claims = hostileJson(valid.map(claimsOf))
    const headers = fc.oneof({ weight: 4, arbitrary: fc.constant(header) }, hostileJson([header]))
    await explore(
      fc.asyncProperty(headers, claims, async (header, claims) => {
        const jws = forgeJws(header as object, JSON.stringify(claims), signer)
        expect(await refusal(verify(jws))).toMatch(/^(accepted$|unauthenticated: |clock_skew: |too_large: )/)
      }),
      Math.ceil(runs / 2),
    )
  },
)

it('a head of any JSON ends in a MeshError or is the one that was signed', async () => {
  await explore(
    fc.asyncProperty(hostileJson([head]), async value => {
      const answer = await refusal(async () => {
        const { signed } = await verifyHead(meshId, parse(signedHeadSchema, value, 'read head'))
        expect(signed).toMatchObject({ head: head.head, policy: head.policy })
      })
      expect(answer.length).toBeLessThan(600)
    }),
    fuzzRuns,
  )
})

it('a hello of any JSON ends in a MeshError or admits the member that signed it', async () => {
  const hello = { versions: [1], credential: await member.credential(), record: await member.record() }
  await explore(
    fc.asyncProperty(hostileJson([hello]), async value => {
      const answer = await refusal(async () => {
        const peer = await admit(parse(helloSchema, value, 'read hello'), member.peerId, verified, now)
        expect(peer.credential.serial).toBe(member.serial)
      })
      expect(answer.length).toBeLessThan(600)
    }),
    fuzzRuns,
  )
})
