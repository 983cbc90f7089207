/** Forged, replayed and unauthorized requests at a real control plane; where it matters, at two on one database. */
import { startControlPlane, type RunningControlPlane } from '@agent-mesh/lambdas'
import { signRequest } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  enrolMember,
  noLog,
  secretOf,
  speakTo,
  type Interlocutor,
} from '../integration/control-plane-fixture.ts'
import { attackedMesh, type AttackedMesh, type Insider } from '../support/attacked-mesh.ts'
import { claimsOf, forgeJws, hmacJws, part, withPayload } from '../support/forged-jws.ts'
import { TestMesh, testKey, type TestKey } from '../support/mesh-fixture.ts'

let mesh: AttackedMesh
/** A second instance on the same database. */
let twin: Interlocutor & { plane: RunningControlPlane }
let insider: Insider
let victim: Insider

beforeAll(async () => {
  mesh = await attackedMesh()
  const data = `${mesh.local.folder}/control-plane`
  const plane = await startControlPlane({ data, listen: { host: '127.0.0.1', port: 0 }, log: noLog })
  twin = { plane, clock: mesh.clock } as typeof twin
  speakTo(twin)
  insider = await mesh.insider()
  victim = await mesh.insider({ as: 'victim' })
})
afterAll(async () => {
  await twin.plane.stop()
  await mesh.local.stop()
})

const unauthenticated = { status: 401, body: { code: 'unauthenticated' } }
const tokensLeft = async (id: string): Promise<number> => {
  const { body } = await mesh.ask(mesh.admin, 'GET', '/v1/tokens?limit=1000')
  return body.tokens.find((view: { id: string }) => view.id === id).left
}

/** Sends a request exactly as it was recorded. */
async function replay(
  at: Interlocutor,
  { method, path, authorization, body }: Record<'method' | 'path' | 'authorization' | 'body', string>,
) {
  const response = await fetch(new URL(path, at.plane.url), {
    method,
    headers: { authorization },
    ...(body === '' ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

/** A genuine request on the wire, as an attacker on the path sees it. */
async function recorded(key: TestKey, method: string, path: string, content?: object, nonce?: string) {
  const body = content === undefined ? '' : JSON.stringify(content)
  const authorization = await signRequest(
    key.signer,
    { method, url: new URL(path, mesh.plane.url), body: Buffer.from(body) },
    { meshId: mesh.plane.meshId, now: Date.now(), ...(nonce === undefined ? {} : { nonce }) },
  )
  return { method, path, authorization, body }
}

describe('a replayed enrolment', () => {
  test('makes no second member, takes no second use, and helps nobody without the key', async () => {
    const { token, view } = await mesh.local.controlPlane.createToken({ uses: 3 })
    const key = await testKey()
    const seen = await recorded(key, 'POST', '/v1/enrol', { secret: secretOf(token), name: 'once' })
    const first = await replay(mesh, seen)
    expect(first.status).toBe(200)
    for (const at of [mesh, twin, mesh, twin]) {
      const again = await replay(at, seen)
      // The same enrolment of the same key, or a refusal: never another member.
      if (again.status === 200) {
        const { serial, sub } = claimsOf(again.body.credential)
        expect({ serial, sub }).toMatchObject({
          serial: claimsOf(first.body.credential)['serial'],
          sub: key.kid,
        })
      }
    }
    expect(await tokensLeft(view.id)).toBe(2)
  })

  test('under another key is refused: the signature names the key', async () => {
    const { token, view } = await mesh.local.controlPlane.createToken({})
    const [newcomer, thief] = [await testKey(), await testKey()]
    const seen = await recorded(newcomer, 'POST', '/v1/enrol', { secret: 'A'.repeat(43), name: 'x' })
    const body = JSON.stringify({ secret: secretOf(token), name: 'thief' })
    expect(await replay(mesh, { ...seen, body })).toMatchObject(unauthenticated)
    const [head = '', claims = '', signature = ''] = seen.authorization.slice('Mesh '.length).split('.')
    const renamed = part({ ...JSON.parse(Buffer.from(head, 'base64url').toString()), kid: thief.kid })
    const authorization = `Mesh ${renamed}.${claims}.${signature}`
    expect(await replay(mesh, { ...seen, authorization })).toMatchObject(unauthenticated)
    expect(await tokensLeft(view.id)).toBe(1)
  })
})

describe('a replayed request', () => {
  test('that creates a token creates no second one, at neither of two instances', async () => {
    const admin = await mesh.insider({ as: 'second-admin', roles: ['admin'] })
    const seen = await recorded(admin, 'POST', '/v1/tokens', { uses: 5 }, 'n'.repeat(22))
    const answers = await Promise.all([mesh, twin, mesh, twin].map(at => replay(at, seen)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
    expect(answers.filter(({ status }) => status === 409).map(({ body }) => body.code)).toEqual([
      'conflict',
      'conflict',
      'conflict',
    ])
  })

  test('that publishes an older record does not bring it back', async () => {
    const old = await insider.record({ addrs: ['/ip4/192.0.2.66/tcp/4001'] })
    const seen = await recorded(insider, 'PUT', '/v1/members/self', { record: old })
    expect((await replay(mesh, seen)).status).toBe(200)
    const newer = await insider.record({ incarnation: Date.now() + 1000 })
    expect(
      await mesh.ask(insider.signer, 'PUT', '/v1/members/self', { body: { record: newer } }),
    ).toMatchObject({
      status: 200,
    })
    for (const at of [mesh, twin])
      expect(await replay(at, seen)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    const { body } = await mesh.ask(insider.signer, 'GET', `/v1/members/${insider.kid}`)
    expect(body.record).toBe(newer)
  })

  test('on another route, with another query, another method or another body is refused', async () => {
    const seen = await recorded(insider, 'GET', '/v1/members?limit=1')
    const changes = [
      { path: '/v1/members?limit=2' },
      { path: '/v1/members' },
      { path: '/v1/members?limit=1&limit=1' },
      { path: '/v1/map' },
      { path: '/v1/members/self', method: 'DELETE' },
      { path: '/v1/renew', method: 'POST', body: '{}' },
    ]
    for (const change of changes)
      expect(await replay(mesh, { ...seen, ...change })).toMatchObject(unauthenticated)
  })

  test('of another mesh is refused', async () => {
    const other = await TestMesh.create()
    const signed = { meshId: other.meshId }
    expect(await mesh.ask(insider.signer, 'GET', '/v1/map', { signed })).toMatchObject(unauthenticated)
  })
})

describe('a token used up concurrently', () => {
  test('over two instances lets in exactly as many as it has uses', async () => {
    const { token, view } = await mesh.local.controlPlane.createToken({ uses: 3 })
    const joins = await Promise.allSettled(
      Array.from({ length: 24 }, (_, i) => enrolMember(i % 2 === 0 ? mesh : twin, secretOf(token), 'crowd')),
    )
    const members = joins.flatMap(join => (join.status === 'fulfilled' ? [join.value.claims] : []))
    expect(members).toHaveLength(3)
    expect(new Set(members.map(({ name }) => name)).size).toBe(3)
    expect(await tokensLeft(view.id)).toBe(0)
  })
})

describe('a forged request', () => {
  const requestOf = (iat = Math.floor(Date.now() / 1000)) => ({
    htm: 'GET',
    path: '/v1/map',
    query: '',
    bh: '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU',
    aud: mesh.plane.meshId,
    iat,
  })
  const header = (more: object = {}) => ({ alg: 'EdDSA', typ: 'request+jws', kid: insider.kid, ...more })
  const send = (jws: string) =>
    mesh.ask(undefined, 'GET', '/v1/map', { headers: { authorization: `Mesh ${jws}` } })

  test('is not the true one, which is answered', async () => {
    expect(await send(forgeJws(header(), requestOf(), insider))).toMatchObject({ status: 200 })
  })

  test('with alg none, with HS256 under the public key, with ES256 over an EdDSA kid', async () => {
    const { x = '' } = insider.jwk as { x?: string }
    const p256 = await testKey('P-256')
    const [, , signature = ''] = forgeJws(header(), requestOf(), insider).split('.')
    const forgeries = [
      ...['none', 'None', ''].flatMap(alg =>
        ['', signature].map(tail => [part(header({ alg })), part(requestOf()), tail].join('.')),
      ),
      ...['HS256', 'EdDSA'].flatMap(alg =>
        [x, Buffer.from(x, 'base64url'), insider.kid].map(secret =>
          hmacJws(header({ alg }), requestOf(), Buffer.from(secret as string)),
        ),
      ),
      forgeJws(header({ alg: 'ES256' }), requestOf(), p256),
    ]
    for (const jws of forgeries) expect(await send(jws)).toMatchObject(unauthenticated)
  })

  test.each([
    ['a path', '../../etc/passwd'],
    ['SQL', `x' OR '1'='1`],
    ['the name of a table', 'enrolments'],
    ['a property of every object', '__proto__'],
    ['an authority key', 'authority'],
    ['a peer id that is no point', `12D3KooW${'z'.repeat(44)}`],
  ])('whose kid is %s', async (_, kid) => {
    expect(await send(forgeJws(header({ kid }), requestOf(), insider))).toMatchObject(unauthenticated)
  })

  test("under another member's kid, or with a key of its own in the header", async () => {
    expect(await send(forgeJws(header({ kid: victim.kid }), requestOf(), insider))).toMatchObject(
      unauthenticated,
    )
    const own = await testKey()
    const headers = {
      jwk: own.jwk,
      jku: 'https://attacker.example',
      x5u: 'https://attacker.example',
      crit: ['x'],
    }
    for (const [name, value] of Object.entries(headers))
      expect(await send(forgeJws(header({ [name]: value }), requestOf(), insider))).toMatchObject(
        unauthenticated,
      )
  })

  test('with any one claim tampered', async () => {
    const jws = forgeJws(header(), requestOf(), insider)
    for (const [name, value] of Object.entries({
      path: '/v1/members',
      iat: 1,
      aud: 'a'.repeat(52),
      nonce: 'n'.repeat(22),
    }))
      expect(await send(withPayload(jws, { ...requestOf(), [name]: value }))).toMatchObject(unauthenticated)
  })
})
