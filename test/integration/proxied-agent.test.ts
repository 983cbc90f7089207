import { parseJoinToken } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startConnectProxy, type ConnectProxy } from '../support/connect-proxy.ts'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

let mesh: LocalMesh
let proxy: ConnectProxy | undefined
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(async () => {
  await mesh.stop()
  await proxy?.stop()
})

const web = '/ip4/127.0.0.1/tcp/0/ws'
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 })

describe('an agent behind a proxy that knows nothing but CONNECT', () => {
  test('enrols, is called and calls through it alone', async () => {
    const relay = await mesh.relay('relay-1', web)
    proxy = await startConnectProxy({ password: 'ada:secret' })
    const inside = await mesh.agent({
      name: 'inside',
      listen: [],
      paths: 'relay',
      proxy: { url: proxy.url },
    })
    const outside = await mesh.agent({ name: 'outside' })
    await until(() => expect(inside.status().relays).toHaveLength(1))
    await until(() => expect(outside.peers().map(({ name }) => name)).toContain('inside'))
    await until(() => expect(inside.peers().map(({ name }) => name)).toContain('outside'))
    const idle = proxy.sent
    expect(await outside.ask('host.info', {}, { peer: 'inside' })).toMatchObject({ path: 'relay' })
    expect(await inside.ask('host.info', {}, { peer: 'outside' })).toMatchObject({ path: 'relay' })
    expect(proxy.sent).toBeGreaterThan(idle)
    const [relayAddr = ''] = relay.addresses
    const hosts = new Set([new URL(mesh.controlPlane.url).host, `127.0.0.1:${relayAddr.split('/')[4]}`])
    expect(new Set(proxy.asked)).toEqual(hosts)
    await inside.stop()
    await until(() => expect(proxy?.tunnels).toBe(0))
  })

  test.each([
    [403, /^permission_denied: .*proxy http:\/\/127\.0\.0\.1:\d+ forbids it/],
    [407, /^permission_denied: .*wants a password/],
    ['garbage', /^unavailable: .*does not speak HTTP/],
  ] as const)('hears why it cannot enrol when the proxy answers %s', async (broken, message) => {
    proxy = await startConnectProxy({ broken })
    const token = await mesh.token()
    const joining = mesh.agent({
      name: 'inside',
      join: token,
      proxy: { url: `http://ada:hush@127.0.0.1:${proxy.port}` },
    })
    const told = await refusal(joining)
    expect(told).toMatch(message)
    expect(told).not.toContain('hush')
    expect(proxy.asked).toContain(new URL(parseJoinToken(token).url).host)
  })
})
