import { verifyHead, type SignedHead } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MapWatcher } from '../support/map-watcher.ts'
import { secretOf, startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'
import { quickest } from '../support/quickest.ts'

describe('revocation over HTTP', () => {
  let mesh: TestPlane
  beforeAll(async () => void (mesh = await startTestPlane()))
  afterAll(() => mesh.stop())

  const nonce = () => ({ nonce: crypto.randomUUID().replaceAll('-', '') })
  const revoke = (peerId: string) => mesh.ask(mesh.admin, 'POST', `/v1/members/${peerId}/revoke`, nonce())
  const revokeBy = (body: object) => mesh.ask(mesh.admin, 'POST', '/v1/revocations', { body, ...nonce() })
  const head = async () =>
    verifyHead(
      mesh.plane.meshId,
      (await mesh.ask(mesh.admin, 'GET', '/v1/bootstrap')).body.head as SignedHead,
    )
  const member = async (as: string, more = {}): Promise<PlaneMember> => {
    const made = await mesh.join({ as, ...more })
    await made.publish()
    return made
  }

  test('puts a member out: renewal, requests, its pair and its key, with any token', async () => {
    const out = await member('out')
    const { number } = (await mesh.ask(mesh.admin, 'GET', '/v1/revocations')).body
    const before = mesh.clock.now()
    const { status, body } = await revoke(out.peerId)
    expect([status, body]).toMatchObject([
      200,
      { peerId: out.peerId, name: 'out', serial: out.claims.serial, number: number + 1 },
    ])
    expect(body.revokedAt).toBeGreaterThanOrEqual(before)

    const { revocations, numbers } = await head()
    expect(numbers.revocations).toBe(number + 1)
    expect(revocations.peerIds.has(out.peerId)).toBe(true)
    expect(revocations.times.get(out.peerId)).toBe(body.revokedAt)

    const revoked = { status: 403, body: { code: 'revoked' } }
    expect(await mesh.ask(out.signer, 'POST', '/v1/renew', { body: {} })).toMatchObject(revoked)
    expect(await out.publish()).toMatchObject(revoked)
    const { token } = await mesh.plane.createToken({})
    for (const secret of [out.secret, secretOf(token)])
      expect(await mesh.ask(out.signer, 'POST', '/v1/enrol', { body: { secret } })).toMatchObject(revoked)
    expect(await mesh.ask(mesh.admin, 'GET', `/v1/members/${out.peerId}`)).toMatchObject({ status: 404 })
  })

  test('goes by serial and by name, too', async () => {
    const [a, b] = [await member('by-serial'), await member('by-name')]
    expect(await revokeBy({ serial: a.claims.serial })).toMatchObject({ body: { peerId: a.peerId } })
    expect(await revokeBy({ name: 'by-name' })).toMatchObject({ body: { peerId: b.peerId } })
    const { revocations } = await head()
    expect([a, b].map(({ peerId }) => revocations.peerIds.has(peerId))).toEqual([true, true])
    expect(await revokeBy({ name: 'nobody' })).toMatchObject({ status: 404 })
    expect(await revokeBy({ serial: 'A'.repeat(22) })).toMatchObject({ status: 404 })
  })

  test('says the same when asked again, and lists when', async () => {
    const twice = await member('twice')
    const first = await revoke(twice.peerId)
    expect((await revoke(twice.peerId)).body).toEqual(first.body)
    const { body } = await mesh.ask(mesh.admin, 'GET', '/v1/revocations')
    const listed = body.revoked.find(({ peerId }: { peerId: string }) => peerId === twice.peerId)
    expect(listed.at).toBe(first.body.revokedAt)
  })

  test('of many at once lists every one of them', async () => {
    const many = await Promise.all([1, 2, 3, 4].map(i => member(`many-${i}`)))
    const answers = await Promise.all(many.map(({ peerId }) => revoke(peerId)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const { revocations } = await head()
    for (const { peerId } of many) expect(revocations.peerIds.has(peerId)).toBe(true)
  })

  test('takes a relay out of the head', async () => {
    const relay = await member('relay-1', { roles: ['relay'] })
    expect((await head()).relays.map(({ peerId }) => peerId)).toContain(relay.peerId)
    await revoke(relay.peerId)
    expect((await head()).relays.map(({ peerId }) => peerId)).not.toContain(relay.peerId)
  })

  test('is not for oneself: the last admin would lock itself out', async () => {
    expect(await revoke(mesh.plane.adminPeerId)).toMatchObject({ status: 400 })
  })

  test('is pushed to watchers with the removal, within 200 ms', async () => {
    const relay = await member('watching', { roles: ['relay'] })
    const url = new URL('/v1/watch', mesh.plane.url.replace('http', 'ws'))
    const watcher = new MapWatcher(url, await mesh.authorization(relay.signer, 'GET', url))
    const poll = { interval: 5, timeout: 20_000 }
    const delay = async () => {
      const out = await member('pushed')
      await expect.poll(() => watcher.receivedAt(out.peerId), poll).toBeDefined()
      const before = watcher.received.length
      const { number } = (await revoke(out.peerId)).body
      const written = performance.now()
      const pushed = () => watcher.received.slice(before).findLast(({ message: { type } }) => type === 'head')
      await expect.poll(pushed, poll).toBeDefined()
      await expect.poll(() => watcher.receivedAt(out.peerId, true), poll).toBeDefined()
      const message = pushed()?.message
      if (message?.type !== 'head') throw new Error('no head')
      expect((await verifyHead(mesh.plane.meshId, message.head)).numbers.revocations).toBe(number)
      return (pushed()?.at ?? Infinity) - written
    }
    expect(await quickest(200, delay)).toBeLessThan(200)
    watcher.socket.close()
  })
})
