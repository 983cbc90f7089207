import { once } from 'node:events'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MeshError } from '@agent-mesh/protocol'
import { startConnectProxy } from '../../../../test/support/connect-proxy.ts'
import { refusal } from '../../../../test/support/refusal.ts'
import { targetOf, TestTransports } from '../testing/test-transports.ts'
import type { Transport } from '../transport.ts'
import { until } from '../../../../test/support/until.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.stop())

const webOnly = { listen: ['/ip4/127.0.0.1/tcp/0/ws'] }
const portOf = (transport: Transport) => Number(transport.addresses()[0]?.split('/')[4])
/** With its zone; undefined on a host that has none. */
const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
  (list ?? []).flatMap(({ address }) => (/^fe80:/i.test(address) ? `${address}%${name}` : [])),
)[0]

describe('a WebSocket', () => {
  it('is a direct link like any other, admitted by hello', async () => {
    const [a, b] = [await mesh.join('a', { listen: [] }), await mesh.join('b', webOnly)]
    expect(b.addresses()).toEqual([expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws$/)])
    const link = await a.connect(targetOf(b))
    expect(link).toMatchObject({ path: 'direct', peer: { credential: { name: 'b' } } })
    await link.close()
    await until(() => b.links.size === 0)
    expect(mesh.errors).toEqual([])
  })

  it('carries much at once, no faster than the other end reads', async () => {
    const [a, b] = [await mesh.join('a', { listen: [] }), await mesh.join('b', webOnly)]
    const link = await a.connect(targetOf(b))
    const back = await until(() => b.links.best(a.peerId))
    const bytes = 8 * 1024 * 1024
    let heard = 0
    back.stream.onData(chunk => (heard += chunk.byteLength))
    const chunk = new Uint8Array(64 * 1024)
    for (let sent = 0; sent < bytes; sent += chunk.byteLength)
      if (!link.stream.send(chunk)) await new Promise<void>(resolve => link.stream.onDrain(resolve))
    await until(() => heard === bytes)
  })

  it('ends, socket and all, when its peer is cut off', async () => {
    const [a, b] = [await mesh.join('a', { listen: [] }), await mesh.join('b', webOnly)]
    const proxy = await startConnectProxy()
    const c = await mesh.join('c', { listen: [], proxy: { url: proxy.url } })
    await Promise.all([a.connect(targetOf(b)), c.connect(targetOf(b))])
    expect(proxy.tunnels).toBe(1)
    const link = await until(() => b.links.best(c.peerId))
    link.abort(new MeshError('revoked', 'Cannot go on: cut off'))
    await until(() => proxy.tunnels === 0 && c.links.size === 0)
    await proxy.stop()
  })

  it('admits no stranger, and keeps none who says nothing', async () => {
    const b = await mesh.join('b', { ...webOnly, options: { helloMs: 2_000 } })
    const stranger = await (await TestTransports.create()).join('stranger', { listen: [] })
    expect(await refusal(stranger.connect(targetOf(b)))).toMatch(/^unauthenticated: /)
    await stranger.stop()
    const plain = connect(portOf(b), '127.0.0.1')
    plain.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    const [answer] = (await once(plain, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 426 /)
    await once(plain, 'close')
    const mute = connect(portOf(b), '127.0.0.1')
    await once(mute, 'connect')
    const closed = once(mute, 'close')
    await b.stop()
    await closed
  })

  it.skipIf(linkLocal === undefined)('of a link-local address, which has a zone, is taken', async () => {
    const b = await mesh.join('b', { listen: ['/ip6/::/tcp/0/ws'] })
    const client = connect(portOf(b), linkLocal)
    client.write(
      'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
        'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    const [answer] = (await once(client, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /)
    client.destroy()
  })

  it('is dialled after TCP that nobody answers', async () => {
    const [a, b] = [await mesh.join('a', { listen: [] }), await mesh.join('b', webOnly)]
    const [web = ''] = b.addresses()
    const target = { ...targetOf(b), addrs: ['/ip4/127.0.0.1/tcp/1', web] }
    const link = await a.connect(target)
    expect(link.remoteAddr).toContain('/ws')
  })

  it('goes through a proxy where there is one, unless the host is exempt', async () => {
    const proxy = await startConnectProxy()
    const b = await mesh.join('b', webOnly)
    const through = await mesh.join('through', { listen: [], proxy: { url: proxy.url } })
    const past = await mesh.join('past', { listen: [], proxy: { url: proxy.url, noProxy: '127.0.0.0/8' } })
    await Promise.all([through.connect(targetOf(b)), past.connect(targetOf(b))])
    expect(proxy.asked).toEqual([`127.0.0.1:${portOf(b)}`])
    expect(proxy.sent).toBeGreaterThan(1_000)
    await mesh.stop()
    await until(() => proxy.tunnels === 0)
    await proxy.stop()
  })

  it.each([403, 407, 'garbage', 'hangup'] as const)(
    'through a proxy that answers %s fails with the reason',
    async broken => {
      const proxy = await startConnectProxy({ broken })
      const [a, b] = [
        await mesh.join('a', { listen: [], proxy: { url: proxy.url } }),
        await mesh.join('b', webOnly),
      ]
      expect(await refusal(a.connect(targetOf(b)))).toMatch(
        /^unavailable: .*proxy http:\/\/127\.0\.0\.1:\d+ (?:forbids|wants|does not|failed)/,
      )
      await proxy.stop()
    },
  )
})
