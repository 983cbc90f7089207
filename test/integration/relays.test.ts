import type { Agent } from '@agent-mesh/agent'
import { controlPlaneClient, createLogger, defineService, loadIdentity } from '@agent-mesh/agent'
import { verifyHead, type BootstrapReply } from '@agent-mesh/protocol'
import { createRelay, type Relay } from '@agent-mesh/relay'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { LocalMesh, loopback } from '../support/local-mesh.ts'
import { msOf, quickest } from '../support/quickest.ts'
import { refusal } from '../support/refusal.ts'

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

const homed = (agent: Agent, relays = 2) =>
  vi.waitFor(() => expect(agent.status().relays).toHaveLength(relays), 60_000)

const knows = (member: Pick<Agent, 'peers'>, name: string) =>
  vi.waitFor(() => expect(member.peers().map(peer => peer.name)).toContain(name), 60_000)

const knowsHomes = (agent: Agent, name: string) =>
  vi.waitFor(
    () => expect(agent.peers().find(peer => peer.name === name)).toMatchObject({ online: true }),
    60_000,
  )

describe('relays', () => {
  test('log one line of a control plane that stopped, and no stack, whatever asks it', async () => {
    const lines: { level: number; reason?: string }[] = []
    const log = createLogger('relay', 'debug', {
      write: line => void lines.push(JSON.parse(line) as (typeof lines)[number]),
    })
    const relay = await createRelay({
      data: mesh.data('relay'),
      join: await mesh.token({ roles: ['relay'] }),
      listen: [loopback],
      log,
      pollMs: 50,
    })
    try {
      await mesh.stopControlPlane()
      const failures = () => lines.filter(({ reason }) => reason?.startsWith('Cannot reach control plane'))
      await vi.waitFor(() => expect(failures().length).toBeGreaterThan(2), { timeout: 20_000, interval: 50 })
      expect(failures().filter(({ level }) => level >= 40)).toHaveLength(1)
      expect(JSON.stringify(failures())).not.toContain('stack')
    } finally {
      await relay.stop()
      await mesh.restartControlPlane()
    }
  })

  test('carry calls between agents that dial relays only, and only so', async () => {
    await mesh.relay('relay-1')
    await mesh.relay('relay-2')
    const a = await mesh.agent({ name: 'a', paths: 'relay' })
    const b = await mesh.agent({ name: 'b' })
    await homed(a)
    await homed(b)
    await knowsHomes(a, 'b')
    expect(await a.ask('host.info', {}, { peer: 'b' })).toMatchObject({ path: 'relay' })
    await knowsHomes(b, 'a')
    expect(await b.ask('host.info', {}, { peer: 'a' })).toMatchObject({ path: 'relay' })
    expect(a.status()).toMatchObject({ addrs: [] })
  })

  test('are those that an agent was given, for itself and for what it calls', async () => {
    const open = await mesh.agent({ name: 'open' })
    for (const name of ['relay-1', 'relay-2']) await mesh.relay(name)
    await homed(open)
    for (const { peerId, name } of open.status().relays) {
      const bound = await mesh.agent({ name: `at-${name}`, paths: 'relay', relays: [name ?? peerId] })
      await homed(bound, 1)
      await knowsHomes(open, bound.name)
      await knowsHomes(bound, 'open')
      await open.ask('host.info', {}, { peer: bound.name })
      await bound.ask('host.info', {}, { peer: 'open' })
      expect(bound.status().relays.map(relay => relay.peerId)).toEqual([peerId])
      const { links } = await open.path(bound.name)
      const through = links.map(({ relay, relayName }) => [relay, relayName].join(' '))
      expect(new Set(through)).toEqual(new Set([`${peerId} ${name}`]))
    }
  })

  test('answer agents that dial relays only, on the link that these have', async () => {
    const relay = await mesh.relay('relay-1')
    const hidden = await mesh.agent({ name: 'hidden', paths: 'relay' })
    await homed(hidden, 1)
    await knows(hidden, 'relay-1')
    await knows(relay, 'hidden')
    expect(await hidden.ping('relay-1')).toMatchObject({ peerId: relay.peerId, path: 'direct' })
    expect(await hidden.ask('host.info', {}, { peer: 'relay-1' })).toMatchObject({ path: 'direct' })
    expect(await hidden.path('relay-1')).toMatchObject({ to: relay.peerId, path: 'direct' })
    const { from } = await hidden.path('hidden', { from: 'relay-1' })
    expect(from).toBe(relay.peerId)
  })

  test('are replaced within 5 s when the home relay dies, without a failed call', async () => {
    const relays = [await mesh.relay('relay-1'), await mesh.relay('relay-2')]
    const dead = new Set<Relay>()
    const hidden = await mesh.agent({ name: 'hidden', paths: 'relay' })
    const caller = await mesh.agent({ name: 'caller' })
    const call = () => caller.call('host.info', {}, { peer: 'hidden', timeout: 20_000, idempotent: true })
    const death = async () => {
      while (relays.filter(relay => !dead.has(relay)).length < 2)
        relays.push(await mesh.relay(`relay-${relays.length + 1}`))
      await homed(hidden)
      await homed(caller)
      await knowsHomes(caller, 'hidden')
      await call()
      const home = hidden.status().relays[0]?.peerId
      const killed = relays.find(({ peerId }) => peerId === home)
      if (killed === undefined) throw new Error(`no relay is ${home}`)
      dead.add(killed)
      await killed.stop()
      return msOf(call)
    }
    expect(await quickest(5_000, death)).toBeLessThan(5_000)
  })

  test('that stop move their agents away first: no call over them is lost, running or new', async () => {
    const relays = [await mesh.relay('relay-1'), await mesh.relay('relay-2')]
    const hidden = await mesh.agent({ name: 'hidden', paths: 'relay' })
    const caller = await mesh.agent({ name: 'caller', paths: 'relay' })
    await homed(hidden)
    await homed(caller)
    await knowsHomes(caller, 'hidden')
    const started = Promise.withResolvers<void>()
    const running = Promise.withResolvers<string>()
    hidden.serve({
      contract: defineService({
        name: 'slow',
        version: 1,
        methods: { work: { params: z.unknown(), result: z.string() } },
      }),
      handlers: {
        work: () => {
          started.resolve()
          return running.promise
        },
      },
    })
    const once = () => caller.call('host.info', {}, { peer: 'hidden', timeout: 20_000, idempotent: false })
    await once()
    const slow = caller.call('slow.work', {}, { peer: 'hidden', timeout: 60_000 })
    await started.promise
    const home = hidden.status().relays[0]?.peerId
    const stopped = relays.find(({ peerId }) => peerId === home)?.stop()
    let calls = 0
    await vi.waitUntil(async () => {
      await once()
      if (++calls === 20) running.resolve('done')
      return hidden.status().relays[0]?.peerId !== home && calls > 20
    }, 60_000)
    expect(await slow).toBe('done')
    await stopped
    await once()
  })

  test('attest presence as a lease that the control plane and other agents see', async () => {
    const relay = await mesh.relay('relay-1')
    const a = await mesh.agent({ name: 'a' })
    await homed(a, 1)
    const { url, meshId } = mesh.controlPlane
    const { signer } = await loadIdentity(mesh.data('a'))
    const client = controlPlaneClient({ url, meshId, signer })
    await vi.waitFor(
      async () => expect(await client.member(a.peerId)).toMatchObject({ online: true, at: relay.peerId }),
      20_000,
    )
    await vi.waitFor(
      () => expect(relay.peers()).toMatchObject([{ name: 'a', online: true, source: 'link' }]),
      20_000,
    )
  })

  test('link to each other across regions, and the health of the mesh tells their latency', async () => {
    await mesh.relay('relay-1', undefined, 'eu')
    await mesh.relay('relay-2', undefined, 'us')
    const { latency } = await vi.waitFor(async () => {
      const health = await mesh.controlPlane.health()
      expect(health.latency).toHaveLength(2)
      return health
    }, 20_000)
    expect(latency.map(({ from, to }) => `${from}-${to}`)).toEqual(['eu-us', 'us-eu'])
    for (const { ms } of latency) expect(ms).toBeGreaterThan(0)
  })

  test('list where they answer STUN in their record and in the head', async () => {
    const relay = await mesh.relay('relay-1', undefined, undefined, { stun: { port: 0 } })
    await vi.waitFor(async () => {
      const { head } = (await (await fetch(`${mesh.controlPlane.url}/v1/bootstrap`)).json()) as BootstrapReply
      const [listed] = (await verifyHead(relay.meshId, head)).relays
      expect(listed?.addrs).toEqual(relay.addresses)
      expect(listed?.addrs.slice(1)).toEqual([
        expect.stringMatching(/^\/ip4\/127.0.0.1\/udp\/\d+$/),
        expect.stringMatching(/^\/ip4\/127.0.0.1\/udp\/\d+$/),
      ])
    }, 20_000)
  })

  test('need a token with the role relay', async () => {
    const { createRelay } = await import('@agent-mesh/relay')
    const join = await mesh.token({ roles: ['agent'] })
    const start = createRelay({
      data: mesh.data('fake'),
      join,
      name: 'fake',
      listen: ['/ip4/127.0.0.1/tcp/0'],
    })
    expect(await refusal(start)).toMatch(/^permission_denied: .*relay is wanted/)
  })

  test('push the map from their disk while the control plane is away', async () => {
    const relay = await mesh.relay('relay-1')
    const [a, b] = [await mesh.agent({ name: 'a' }), await mesh.agent({ name: 'b' })]
    await knowsHomes(a, 'b')
    await homed(b, 1)
    // The agents may know each other sooner, from their link.
    await vi.waitFor(() => expect(relay.status().members.known).toBe(3), 20_000)
    await mesh.stopControlPlane()
    expect(await a.ask('host.info', {}, { peer: 'b' })).toMatchObject({ name: 'b' })
    expect(relay.status().members.known).toBe(3)
    await mesh.restartControlPlane()
  })
})
