import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { redactText } from '@agent-mesh/protocol/redact'
import { afterEach, describe, expect, it } from 'vitest'
import { startConnectProxy, type ConnectProxyOptions } from '../../../../test/support/connect-proxy.ts'
import type { MeshError } from '@agent-mesh/protocol'
import { refusal } from '../../../../test/support/refusal.ts'
import { Proxy } from './proxy.ts'

const stops: (() => unknown)[] = []
afterEach(() => Promise.all(stops.splice(0).map(stop => stop())))

const never = new AbortController().signal

async function proxyThat(options: ConnectProxyOptions) {
  const proxy = await startConnectProxy(options)
  stops.push(() => proxy.stop())
  return proxy
}

/** @returns its port */
async function greeter(): Promise<number> {
  const server = createServer(socket => socket.end('hello')).listen(0, '127.0.0.1')
  stops.push(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

describe('a proxy', () => {
  it('tunnels to a host that it alone can name, with user and password', async () => {
    const server = await proxyThat({
      routes: { 'relay.test:443': await greeter() },
      password: 'ada:s%40crat',
    })
    const socket = await new Proxy({ url: server.url.replace('%40', '%2540') }).tunnel(
      'relay.test',
      443,
      never,
    )
    const [data] = (await once(socket, 'data')) as [Buffer]
    expect(data.toString()).toBe('hello')
    expect(server.asked).toEqual(['relay.test:443'])
    socket.destroy()
  })

  it.each<[string, ConnectProxyOptions, RegExp]>([
    ['forbids', { broken: 403 }, /^permission_denied: .*relay\.test:443: proxy http:\/\/127.*403/],
    ['wants a password', { broken: 407 }, /^permission_denied: .*407/],
    ['fails itself', { broken: 502 }, /^unavailable: .*502/],
    ['speaks something else', { broken: 'garbage' }, /^unavailable: .*not speak HTTP/],
    ['hangs up', { broken: 'hangup' }, /^unavailable: .*ECONNRESET/],
  ])('that %s gives a clear error', async (_, options, message) => {
    const { url } = await proxyThat(options)
    expect(await refusal(new Proxy({ url }).tunnel('relay.test', 443, never))).toMatch(message)
  })

  it('that is not there gives a clear error', async () => {
    const server = await proxyThat({})
    await server.stop()
    stops.length = 0
    expect(await refusal(new Proxy({ url: server.url }).tunnel('relay.test', 443, never))).toMatch(
      /^unavailable: .*ECONNREFUSED/,
    )
  })

  it('that says nothing is given up with the caller', async () => {
    const { url } = await proxyThat({ broken: 'silent' })
    const cancel = new AbortController()
    const tunnel = refusal(new Proxy({ url }).tunnel('relay.test', 443, cancel.signal))
    cancel.abort()
    expect(await tunnel).toMatch(/^cancelled: /)
    expect(await refusal(new Proxy({ url }).tunnel('relay.test', 443, cancel.signal))).toMatch(/^cancelled: /)
  })

  it('tells what to do in words that pass the redactor', async () => {
    const { url } = await proxyThat({ broken: 407 })
    const refused = await new Proxy({ url })
      .tunnel('relay.test', 443, never)
      .catch((thrown: unknown) => thrown)
    const malformed = await Promise.resolve()
      .then(() => new Proxy({ url: 'ftp://x' }))
      .catch((thrown: unknown) => thrown)
    for (const error of [refused, malformed]) {
      const hint = (error as MeshError).hint ?? ''
      expect(hint).toMatch(/user and password/)
      expect(redactText(hint)).toBe(hint)
    }
  })

  it('never shows its password', async () => {
    const secret = 'hush'
    const { url } = await proxyThat({ broken: 407 })
    const proxy = new Proxy({ url: url.replace('//', `//ada:${secret}@`) })
    const error = await proxy.tunnel('relay.test', 443, never).catch((thrown: unknown) => thrown)
    expect(proxy.name).not.toContain(secret)
    expect(JSON.stringify([String(error), error, (error as Error).cause])).not.toContain(secret)
    expect(() => new Proxy({ url: `ftp://ada:${secret}@x` })).toThrow(/^Cannot use proxy: its URL is none/)
  })

  it.each([
    ['*', 'relay.test', 443, false],
    ['', 'relay.test', 443, true],
    ['relay.test', 'RELAY.test', 443, false],
    ['relay.test', 'a.relay.test', 443, false],
    ['.test, other', 'relay.test', 443, false],
    ['*.test', 'relay.test', 443, false],
    ['lay.test', 'relay.test', 443, true],
    ['relay.test:8440', 'relay.test', 443, true],
    ['relay.test:443', 'relay.test', 443, false],
    ['10.0.0.0/8', '10.1.2.3', 443, false],
    ['10.0.0.0/8', '11.1.2.3', 443, true],
    ['10.0.0.0/99', '10.1.2.3', 443, true],
    ['fd00::/8', 'fd00::1', 443, false],
    ['::1', '::1', 443, false],
    ['[::1]:80', '::1', 443, true],
  ])('with NO_PROXY=%s covers %s:%d: %s', (noProxy, host, port, expected) => {
    expect(new Proxy({ url: 'proxy:3128', noProxy }).covers(host, port)).toBe(expected)
  })
})
