import { once } from 'node:events'
import { connect } from 'node:net'
import { formatMapCursor, verifyHead, type Signer } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MapWatcher } from '../support/map-watcher.ts'
import { startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'
import { msOf, quickest } from '../support/quickest.ts'

describe('the watch WebSocket', () => {
  let mesh: TestPlane
  let relay: PlaneMember
  let first: PlaneMember
  beforeAll(async () => {
    mesh = await startTestPlane()
    relay = await mesh.join({ roles: ['relay'], as: 'relay' })
    first = await mesh.join({ as: 'first' })
    await first.publish()
  })
  afterAll(() => mesh.stop())

  const watch = async (signer: Signer = relay.signer, query = ''): Promise<MapWatcher> => {
    const { watchUrl } = (await mesh.ask(undefined, 'GET', '/v1/bootstrap')).body
    const url = new URL(`${watchUrl}${query}`)
    return new MapWatcher(url, await mesh.authorization(signer, 'GET', url))
  }
  const poll = { interval: 5, timeout: 20_000 }

  test('begins with the head and the whole map', async () => {
    const watcher = await watch()
    await expect.poll(() => watcher.receivedAt(first.peerId), poll).toBeDefined()
    const message = watcher.received[0]?.message
    if (message?.type !== 'head') throw new Error('the first message is no head')
    await verifyHead(mesh.plane.meshId, message.head)
    expect(watcher.pages.at(-1)?.more).toBe(false)
    watcher.socket.close()
  })

  test('pushes changes of map and head within 200 ms of the write', async () => {
    const watcher = await watch()
    await expect.poll(() => watcher.pages.length, poll).toBe(1)
    const delay = async () => {
      const member = await mesh.join({ as: 'pushed' })
      await member.publish()
      const written = performance.now()
      await expect.poll(() => watcher.receivedAt(member.peerId), poll).toBeDefined()
      await mesh.ask(member.signer, 'DELETE', '/v1/members/self')
      await expect.poll(() => watcher.receivedAt(member.peerId, true), poll).toBeDefined()
      return (watcher.receivedAt(member.peerId) ?? Infinity) - written
    }
    /** Of three in a row the slowest: a push that waited for a poll would be late in one of them. */
    const slowest = async () => Math.max(await delay(), await delay(), await delay())
    expect(await quickest(200, slowest, 10)).toBeLessThan(200)

    const heads = () => watcher.received.filter(({ message }) => message.type === 'head')
    let port = 4000
    const delayOfHead = async () => {
      const before = heads().length
      await relay.publish({ addrs: [`/ip4/192.0.2.9/tcp/${++port}`] })
      const written = performance.now()
      await expect.poll(() => heads().length, poll).toBeGreaterThan(before)
      return (heads().at(-1)?.at ?? Infinity) - written
    }
    expect(await quickest(200, delayOfHead)).toBeLessThan(200)
    const message = heads().at(-1)?.message
    if (message?.type !== 'head') throw new Error('no head')
    expect((await verifyHead(mesh.plane.meshId, message.head)).relays).toMatchObject([
      { peerId: relay.peerId },
    ])
    watcher.socket.close()
  })

  test('tells a watcher that it was revoked, and then no more', async () => {
    const out = await mesh.join({ roles: ['relay'], as: 'put-out' })
    const [watcher, others] = [await watch(out.signer), await watch()]
    await expect.poll(() => [watcher.pages.length, others.pages.length], poll).toEqual([1, 1])
    const closed = once(watcher.socket, 'close')
    expect((await mesh.ask(mesh.admin, 'POST', `/v1/members/${out.peerId}/revoke`)).status).toBe(200)
    expect(String((await closed)[1])).toBe('revoked')
    const message = watcher.received.findLast(({ message: { type } }) => type === 'head')?.message
    if (message?.type !== 'head') throw new Error('no head')
    const { revocations } = await verifyHead(mesh.plane.meshId, message.head)
    expect([...revocations.peerIds]).toEqual([out.peerId])
    expect(others.socket.readyState).toBe(others.socket.OPEN)
    others.socket.close()
  })

  test('goes on from a cursor, and says when it cannot', async () => {
    const { body } = await mesh.ask(first.signer, 'GET', '/v1/map')
    const member = await mesh.join({ as: 'later' })
    await member.publish()
    const watcher = await watch(relay.signer, `?since=${body.next}`)
    await expect.poll(() => watcher.receivedAt(member.peerId), poll).toBeDefined()
    expect(watcher.receivedAt(first.peerId)).toBeUndefined()
    watcher.socket.close()

    const foreign = formatMapCursor({ epoch: 'foreign', v: new Array<number>(16).fill(7) })
    const lost = await watch(relay.signer, `?since=${foreign}`)
    await expect.poll(() => lost.receivedAt(first.peerId), poll).toBeDefined()
    expect(lost.received.map(({ message }) => message.type)).toEqual(['head', 'restart', 'changes'])
    lost.socket.close()

    const bad = await watch(relay.signer, '?since=x')
    await expect.poll(() => bad.closed, poll).toBe(1008)
  })

  test('is for relays and admins', async () => {
    const admin = await watch(mesh.admin)
    await expect.poll(() => admin.pages.length, poll).toBe(1)
    admin.socket.close()
    const refused = async (watcher: MapWatcher): Promise<number> => {
      const [, response] = await once(watcher.socket, 'unexpected-response')
      return (response as { statusCode: number }).statusCode
    }
    expect(await refused(await watch(first.signer))).toBe(403)
    expect(
      await refused(new MapWatcher(new URL('/v1/watch', mesh.plane.url.replace('http', 'ws')), 'Mesh a.b.c')),
    ).toBe(401)
    const elsewhere = new URL('/v1/map', mesh.plane.url.replace('http', 'ws'))
    expect(
      await refused(new MapWatcher(elsewhere, await mesh.authorization(relay.signer, 'GET', elsewhere))),
    ).toBe(404)
  })

  test('closes who speaks, and who has too many connections', async () => {
    const loud = await watch()
    await expect.poll(() => loud.received.length, poll).toBeGreaterThan(0)
    loud.socket.send('hello')
    await expect.poll(() => loud.closed, poll).toBe(1008)
    const many: MapWatcher[] = []
    for (let i = 0; i < 5; i++) {
      const watcher = await watch()
      many.push(watcher)
      await expect.poll(() => watcher.received.length, poll).toBeGreaterThan(0)
    }
    await expect.poll(() => many[0]?.closed, poll).toBe(1008)
    expect(many[4]?.closed).toBeUndefined()
    for (const { socket } of many) socket.close()
  })

  test('a watcher that reads nothing costs one message, and the others hear on', async () => {
    const slow = await watch()
    await expect.poll(() => slow.received.length, poll).toBeGreaterThan(0)
    slow.socket.pause()
    const watcher = await watch()
    for (let i = 0; i < 10; i++) await first.publish()
    await expect.poll(() => watcher.receivedAt(first.peerId), poll).toBeDefined()
    const member = await mesh.join({ as: 'heard' })
    await member.publish()
    await expect.poll(() => watcher.receivedAt(member.peerId), poll).toBeDefined()
    slow.socket.resume()
    await expect.poll(() => slow.receivedAt(member.peerId), poll).toBeDefined()
    for (const { socket } of [slow, watcher]) socket.close()
  })

  /** @returns ms that the control plane took to stop */
  async function stopBesideStranger(): Promise<number> {
    const other = await startTestPlane()
    const { hostname, port } = new URL(other.plane.url)
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    const upgrade = 'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13'
    socket.write(
      `GET /v1/watch HTTP/1.1\r\nhost: x\r\n${upgrade}\r\nsec-websocket-key: ${'A'.repeat(22)}==\r\n\r\n`,
    )
    socket.on('error', () => {})
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(String(answer)).toMatch(/^HTTP\/1.1 401 /)
    const ms = await msOf(() => other.stop())
    socket.destroy()
    return ms
  }

  test('a stranger who is refused and does not hang up holds up nobody', async () => {
    expect(await quickest(2_000, stopBesideStranger)).toBeLessThan(2_000)
  })

  /** @returns ms that the control plane took to stop */
  async function stopBesideWatcher(): Promise<number> {
    const other = await startTestPlane()
    const { signer } = await other.join({ roles: ['relay'] })
    const url = new URL('/v1/watch', other.plane.url.replace('http', 'ws'))
    const watcher = new MapWatcher(url, await other.authorization(signer, 'GET', url))
    await expect.poll(() => watcher.received.length, poll).toBeGreaterThan(0)
    expect((await other.ask(undefined, 'GET', '/metrics')).body).toContain('agent_mesh_watchers 1')
    const ms = await msOf(() => other.stop())
    await expect.poll(() => watcher.closed, poll).toBeDefined()
    return ms
  }

  test('ends with the control plane, and a watcher is counted while it lasts', async () => {
    expect(await quickest(2_000, stopBesideWatcher)).toBeLessThan(2_000)
  })
})
