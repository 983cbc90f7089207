import { checkNetwork, findingsOf, type NetworkCheckInit } from '@agent-mesh/agent'
import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { LocalMesh } from '../support/local-mesh.ts'
import { quickest } from '../support/quickest.ts'
import { startStunResponder } from '../support/stun-responder.ts'

let mesh: LocalMesh
const stops: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  await mesh.stop()
})

const check = (init: Partial<NetworkCheckInit>) =>
  checkNetwork({ relays: [], interfaces: networkInterfaces(), signal: new AbortController().signal, ...init })
/** A relay that has just started is not listed yet, and on a busy machine an answer may come too late. */
const checkOnceListed = (relays: number) =>
  vi.waitFor(async () => {
    const facts = await check({ controlPlane: { url: mesh.controlPlane.url } })
    expect(facts.controlPlane).toMatchObject({ ok: true })
    expect(facts.relays).toHaveLength(relays)
    for (const { addrs } of facts.relays) expect(addrs).toEqual([expect.objectContaining({ ok: true })])
    return facts
  }, 20_000)
const relayAt = (...addrs: string[]) => ({ peerId: 'p', name: 'relay-1', addrs })
const stunAt = async (options?: Parameters<typeof startStunResponder>[0]) => {
  const responder = await startStunResponder(options)
  stops.push(() => responder.stop())
  return `/ip4/127.0.0.1/udp/${responder.port}`
}

describe('a network check', () => {
  test('before enrolment asks the control plane for relays and measures them', async () => {
    await mesh.relay('relay-1')
    await mesh.relay('relay-2', '/ip4/127.0.0.1/tcp/0/ws')
    const facts = await checkOnceListed(2)
    expect(facts.relays.map(({ name }) => name).toSorted()).toEqual(['relay-1', 'relay-2'])
    const again = async () => (await checkOnceListed(2)).ms
    expect(await quickest(5_000, again)).toBeLessThan(5_000)
  })

  test('believes no other mesh than that of the join token', async () => {
    await mesh.relay('relay-1')
    const facts = await check({ controlPlane: { url: mesh.controlPlane.url, meshId: 'a'.repeat(52) } })
    expect(facts.controlPlane).toMatchObject({ ok: false, error: expect.stringMatching(/another mesh/) })
    expect(facts.relays).toEqual([])
  })

  test('tells a symmetric NAT from one that maps one port for all', async () => {
    const mapped = { host: '198.51.100.7', port: 40_000 }
    const cone = await check({ relays: [relayAt(await stunAt({ mapped }), await stunAt({ mapped }))] })
    expect(cone.udp4).toEqual({ asked: 2, answered: 2, mapping: 'cone', mapped: '198.51.100.7:40000' })
    const other = { ...mapped, port: 40_001 }
    const symmetric = await check({
      relays: [relayAt(await stunAt({ mapped }), await stunAt({ mapped: other }))],
    })
    expect(symmetric.udp4).toEqual({ asked: 2, answered: 2, mapping: 'symmetric' })
    const open = await check({ relays: [relayAt(await stunAt(), await stunAt())] })
    expect(open.udp4).toMatchObject({ mapping: 'open' })
  })

  test('says within 5 s that nothing answers', async () => {
    const silent = await startStunResponder({ lost: Infinity })
    stops.push(() => silent.stop())
    const proxy = await startConnectProxy({ broken: 'silent' })
    stops.push(() => proxy.stop())
    const nothing = {
      controlPlane: { url: 'http://control.test' },
      proxy: { url: proxy.url },
      relays: [
        relayAt(`/ip4/127.0.0.1/udp/${silent.port}`, '/dns4/relay.test/tcp/443/ws', '/ip4/127.0.0.1/tcp/1'),
      ],
    }
    expect(await quickest(5_000, async () => (await check(nothing)).ms)).toBeLessThan(5_000)
    const facts = await check(nothing)
    expect(facts.controlPlane).toMatchObject({ ok: false })
    expect(facts.relays[0]?.addrs).toEqual([
      expect.objectContaining({ ok: false, error: expect.stringMatching(/2 s/) }),
      expect.objectContaining({ ok: false, error: expect.stringMatching(/ECONNREFUSED/) }),
    ])
    expect(facts.udp4).toEqual({ asked: 1, answered: 0, mapping: 'blocked' })
    expect(
      findingsOf(facts)
        .filter(({ level }) => level === 'bad')
        .map(({ topic }) => topic),
    ).toEqual(expect.arrayContaining(['control plane', 'relays', 'port 443', 'proxy']))
  })

  test('goes through the proxy, and says what it refuses', async () => {
    await mesh.relay('relay-1', '/ip4/127.0.0.1/tcp/0/ws')
    const proxy = await startConnectProxy({ password: 'ada:secret' })
    stops.push(() => proxy.stop())
    const controlPlane = { url: mesh.controlPlane.url }
    await checkOnceListed(1)
    const through = await check({ controlPlane, proxy: { url: proxy.url } })
    expect(through).toMatchObject({ proxy: `http://127.0.0.1:${proxy.port}`, controlPlane: { ok: true } })
    expect(proxy.asked).toHaveLength(2)
    const denied = await check({ controlPlane, proxy: { url: `http://127.0.0.1:${proxy.port}` } })
    expect(denied.controlPlane).toMatchObject({ ok: false, error: expect.stringMatching(/wants a password/) })
  })

  test('ends when it is interrupted', async () => {
    await expect(check({ signal: AbortSignal.abort() })).rejects.toThrow()
  })
})
