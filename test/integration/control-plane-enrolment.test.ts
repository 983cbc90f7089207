import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startControlPlane } from '@agent-mesh/lambdas'
import { parseJoinToken, verifyCredential, verifyHead, type SignedHead } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testKey } from '../support/mesh-fixture.ts'
import {
  day,
  enrolMember,
  noLog,
  identityOf,
  secretOf,
  startTestPlane,
  type TestPlane,
} from './control-plane-fixture.ts'

describe('enrolment over HTTP', () => {
  let mesh: TestPlane
  beforeAll(async () => void (mesh = await startTestPlane()))
  afterAll(() => mesh.stop())

  const createToken = async (request = {}) => secretOf((await mesh.plane.createToken(request)).token)

  test('bootstrap tells everybody a head that verifies against the mesh id of the token', async () => {
    const { token } = await mesh.plane.createToken({})
    const { url, meshId } = parseJoinToken(token)
    expect({ url, meshId }).toEqual({ url: mesh.plane.url, meshId: mesh.plane.meshId })
    const before = mesh.clock.now()
    const { status, body } = await mesh.ask(undefined, 'GET', '/v1/bootstrap')
    expect(status).toBe(200)
    expect(body.serverTime).toBeGreaterThanOrEqual(before)
    expect(body.serverTime).toBeLessThanOrEqual(mesh.clock.now())
    const head = await verifyHead(meshId, body.head as SignedHead)
    expect(head.numbers).toEqual({ keys: 1, relays: 0, policy: 0, revocations: 0 })
    expect(body).toMatchObject({ meshId, watchUrl: `${url.replace('http', 'ws')}/v1/watch` })
    expect(body.members).toBeUndefined()
  })

  test('a newcomer that signs bootstrap is told what everybody is told', async () => {
    const { signer } = await testKey()
    expect(await mesh.ask(signer, 'GET', '/v1/bootstrap')).toMatchObject({
      status: 200,
      body: { meshId: mesh.plane.meshId },
    })
  })

  test('a token makes a member with its roles, tags and region, under a free name', async () => {
    const secret = await createToken({ uses: 2, roles: ['agent', 'ops'], tags: ['gpu'], region: 'eu-1' })
    const first = await enrolMember(mesh, secret, 'worker')
    const second = await enrolMember(mesh, secret, 'worker')
    expect(first.claims).toMatchObject({
      name: 'worker',
      roles: ['agent', 'ops'],
      tags: ['gpu'],
      region: 'eu-1',
    })
    expect(second.claims.name).toBe('worker-2')
    expect(first.claims.exp - first.claims.iat).toBe(21 * 24 * 3600)
  })

  test('a token for a name that is taken is refused when it is made', async () => {
    const { claims } = await enrolMember(mesh, await createToken({ name: 'held' }), 'other')
    expect(claims.name).toBe('held')
    await expect(createToken({ name: 'held' })).rejects.toMatchObject({
      code: 'conflict',
      message: `Cannot create join token: the name held is held by ${claims.sub}`,
    })
  })

  test('the same token and key again give the same enrolment', async () => {
    const secret = await createToken()
    const { signer } = await testKey()
    const [a, b] = await Promise.all(
      [1, 2].map(() => mesh.ask(signer, 'POST', '/v1/enrol', { body: { secret, name: 'again' } })),
    )
    const { keys } = await verifyHead(mesh.plane.meshId, a?.body.head as SignedHead)
    const check = { meshId: mesh.plane.meshId, keys, now: mesh.clock.now() }
    const claims = await Promise.all(
      [a, b].map(answer => verifyCredential(answer?.body.credential as string, check)),
    )
    expect(claims[0]?.serial).toBe(claims[1]?.serial)
    expect(claims[0]?.name).toBe('again')
  })

  test('a wrong, expired or revoked token is refused', async () => {
    const { signer } = await testKey()
    const enrol = (secret: string) => mesh.ask(signer, 'POST', '/v1/enrol', { body: { secret } })
    const refused = { status: 403, type: 'application/problem+json', body: { code: 'token_invalid' } }
    expect(await enrol('A'.repeat(43))).toMatchObject(refused)
    const late = await createToken({ expiresIn: 1 })
    mesh.clock.advance(1001)
    expect(await enrol(late)).toMatchObject(refused)
    const { token, view } = await mesh.plane.createToken({})
    expect(await mesh.ask(mesh.admin, 'DELETE', `/v1/tokens/${view.id}`)).toMatchObject({ status: 204 })
    expect(await enrol(secretOf(token))).toMatchObject(refused)
  })

  test('a token of 5 uses lets in exactly 5 of 30 that come at once', async () => {
    const secret = await createToken({ uses: 5 })
    const joins = await Promise.allSettled(
      Array.from({ length: 30 }, () => enrolMember(mesh, secret, 'crowd')),
    )
    expect(joins.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    const refused = joins.flatMap(join => (join.status === 'rejected' ? [join.reason.answer.body.code] : []))
    expect(new Set(refused)).toEqual(new Set(['token_invalid']))
  })

  test('a full mesh says so, and the token keeps its use', async () => {
    const full = await startTestPlane({ maxMembers: 1 })
    try {
      await full.join()
      await expect(full.join({ uses: 1 })).rejects.toMatchObject({
        answer: { status: 409, body: { code: 'mesh_full' } },
      })
      const { body } = await full.ask(full.admin, 'GET', '/v1/tokens')
      expect(body.tokens.filter((token: { left: number }) => token.left === 1)).toHaveLength(1)
    } finally {
      await full.stop()
    }
  })
})

describe('renewal', () => {
  let mesh: TestPlane
  beforeAll(async () => void (mesh = await startTestPlane()))
  afterAll(() => mesh.stop())

  test('keeps serial and claims, also long after the credential expired', async () => {
    const member = await mesh.join({ tags: ['t'], region: 'eu-1' })
    mesh.clock.advance(22 * day)
    const stale = await mesh.ask(member.signer, 'GET', '/v1/map')
    expect(stale).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })

    const { status, body } = await mesh.ask(member.signer, 'POST', '/v1/renew', { body: {} })
    expect(status).toBe(200)
    const { keys } = await verifyHead(mesh.plane.meshId, body.head as SignedHead)
    const check = { meshId: mesh.plane.meshId, keys, now: mesh.clock.now() }
    const claims = await verifyCredential(body.credential as string, check)
    const { serial, name, roles, tags, region } = member.claims
    expect(claims).toMatchObject({ serial, name, roles, tags, region, sub: member.peerId })
    expect(claims.jti).not.toBe(member.claims.jti)
    expect(await mesh.ask(member.signer, 'GET', '/v1/map')).toMatchObject({ status: 200 })
  })

  test('is refused 90 days after expiry, and to strangers', async () => {
    const member = await mesh.join()
    mesh.clock.advance((21 + 90) * day + 1000)
    const refused = { status: 401, body: { code: 'unauthenticated' } }
    expect(await mesh.ask(member.signer, 'POST', '/v1/renew', { body: {} })).toMatchObject(refused)
    const { signer } = await testKey()
    expect(await mesh.ask(signer, 'POST', '/v1/renew', { body: {} })).toMatchObject(refused)
  })

  test('of the first admin is done by the control plane itself', async () => {
    mesh.clock.advance(30 * day)
    expect(await mesh.ask(mesh.admin, 'GET', '/v1/tokens')).toMatchObject({ status: 401 })
    await mesh.restart()
    await expect.poll(async () => (await mesh.ask(mesh.admin, 'GET', '/v1/tokens')).status).toBe(200)
  })
})

describe('renewing in a loop', () => {
  let mesh: TestPlane
  beforeAll(async () => void (mesh = await startTestPlane()))
  afterAll(() => mesh.stop())

  test('gives back a fresh credential: no signature, and no entry in the audit log', async () => {
    const member = await mesh.join()
    const renew = async () =>
      (await mesh.ask(member.signer, 'POST', '/v1/renew', { body: {} })).body.credential as string
    const logged = async () => (await mesh.ask(mesh.admin, 'GET', '/v1/audit?last=1')).body.head.seq as number
    const before = await logged()
    for (let i = 0; i < 50; i++) expect(await renew()).toBe(member.credential)
    // The same token again, as after a lost answer.
    const again = { body: { secret: member.secret, name: 'agent' } }
    expect((await mesh.ask(member.signer, 'POST', '/v1/enrol', again)).body.credential).toBe(
      member.credential,
    )
    expect(await logged()).toBe(before)
    mesh.clock.advance(day)
    const next = await renew()
    expect(next).not.toBe(member.credential)
    expect(await renew()).toBe(next)
    expect(await logged()).toBe(before + 1)
  })
})

describe('the data folder', () => {
  let data: string
  const start = () => startControlPlane({ data, listen: { host: '127.0.0.1', port: 0 }, log: noLog })
  const keyFiles = ['root-key.json', 'authority-key.json', 'admin-identity.json']
  beforeAll(async () => {
    data = join(await mkdtemp(join(tmpdir(), 'control-plane-')), 'deep')
    await (await start()).stop()
  })
  afterAll(() => rm(join(data, '..'), { recursive: true }))

  test('and its keys are for their owner alone, and carry the mesh over a restart', async () => {
    expect((await stat(data)).mode & 0o777).toBe(0o700)
    for (const file of [...keyFiles, 'control-plane.db'])
      expect((await stat(join(data, file))).mode & 0o777).toBe(0o600)
    const before = await Promise.all(keyFiles.map(file => readFile(join(data, file), 'utf8')))
    const plane = await start()
    expect((await identityOf(plane.adminIdentityFile)).kid).toBe(plane.adminPeerId)
    await plane.stop()
    await plane.stop()
    expect(await Promise.all(keyFiles.map(file => readFile(join(data, file), 'utf8')))).toEqual(before)
  })

  test.each(keyFiles)('with a damaged %s names the file and leaves it', async file => {
    const path = join(data, file)
    const good = await readFile(path)
    await writeFile(path, '{"version":1,"privateJwk":{}}')
    await expect(start()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(path),
    })
    expect(await readFile(path, 'utf8')).toBe('{"version":1,"privateJwk":{}}')
    await writeFile(path, good)
  })

  test('with a key that others may read is refused', async () => {
    const path = join(data, 'root-key.json')
    await chmod(path, 0o644)
    await expect(start()).rejects.toMatchObject({
      code: 'permission_denied',
      hint: expect.stringContaining('chmod'),
    })
    await chmod(path, 0o600)
  })

  test('without its root key is not given another one', async () => {
    const path = join(data, 'root-key.json')
    const good = await readFile(path)
    await rm(path)
    await expect(start()).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining(path) })
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
    await writeFile(path, good, { mode: 0o600 })
    await (await start()).stop()
  })

  test('with a damaged database names the file and leaves it', async () => {
    const path = join(data, 'control-plane.db')
    const good = await readFile(path)
    await writeFile(path, 'x'.repeat(8192))
    await expect(start()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(path),
    })
    expect(await readFile(path, 'utf8')).toBe('x'.repeat(8192))
    await writeFile(path, good)
  })

  test('is left alone when the address is taken', async () => {
    const first = await start()
    const port = Number(new URL(first.url).port)
    const other = join(data, '..', 'other')
    await expect(
      startControlPlane({ data: other, listen: { host: '127.0.0.1', port }, log: noLog }),
    ).rejects.toMatchObject({
      code: 'conflict',
    })
    await first.stop()
  })
})
