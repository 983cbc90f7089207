import { defineService, hostService, type Agent } from '@agent-mesh/agent'
import { formatJoinToken, parseJoinToken } from '@agent-mesh/protocol'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { adminOf, LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'
import { msOf, quickest } from '../support/quickest.ts'

const math = defineService({
  name: 'math',
  version: 2,
  methods: {
    add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number(), idempotent: true },
    wait: { params: z.object({ ms: z.number() }), result: z.string() },
  },
})

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

const knows = (agent: Pick<Agent, 'peers'>, ...names: string[]) =>
  vi.waitFor(
    () => expect(agent.peers().map(({ name }) => name)).toEqual(expect.arrayContaining(names)),
    20_000,
  )

/** An agent that serves math, and the outcome of its slow calls. */
async function server(name: string) {
  const agent = await mesh.agent({ name })
  const seen = { aborted: 0, started: 0 }
  agent.serve({
    contract: math,
    handlers: {
      add: ({ a, b }) => a + b,
      wait: async ({ ms }, { signal }) => {
        seen.started++
        signal.addEventListener('abort', () => seen.aborted++)
        await delay(ms, undefined, { signal }).catch(() => {})
        return 'waited'
      },
    },
  })
  return { agent, seen }
}

async function pair() {
  await mesh.relay('relay-1')
  const { agent, seen } = await server('server')
  const caller = await mesh.agent({ name: 'caller', contracts: [math, hostService] })
  await vi.waitFor(() => expect(caller.services().map(({ service }) => service)).toContain('math@2'), 20_000)
  return { caller, server: agent, seen }
}

describe('agents of one mesh', () => {
  test('call each other with types, over a direct path', async () => {
    const { caller, server } = await pair()
    const sum: number = await caller.call('math.add', { a: 1, b: 2 })
    expect(sum).toBe(3)
    // On a busy machine the path over the relay may be the first.
    await vi.waitFor(async () => {
      const { peerId, path } = await caller.ask('math.add', { a: 1, b: 2 })
      expect({ peerId, path }).toEqual({ peerId: server.peerId, path: 'direct' })
    }, 20_000)
  })

  test('describe a service to each other, its methods and their schemas', async () => {
    const { caller } = await pair()
    const told = await caller.describe('math')
    expect(told).toMatchObject({
      service: 'math@2',
      methods: [{ name: 'add', idempotent: true, result: { type: 'number' } }, { name: 'wait' }],
    })
    expect(await caller.describe(math, { peer: 'server' })).toEqual(told)
    expect(await refusal(() => caller.describe('maths'))).toContain(
      'unavailable: Cannot describe maths: no known',
    )
    expect(await refusal(() => caller.describe('math@7', { peer: 'server' }))).toContain(
      'not_found: Cannot describe math@7',
    )
  })

  test('wait for a service, and call it as an object', async () => {
    await mesh.relay('relay-1')
    const caller = await mesh.agent({ name: 'caller' })
    const waiting = caller.waitFor(math, { timeout: 20_000 })
    const { agent } = await server('server')
    await waiting
    expect(await caller.service(math).add({ a: 1, b: 2 })).toBe(3)
    expect(await caller.service(math).add({ a: 1, b: 2 }, { peer: agent.name })).toBe(3)
    expect(await refusal(caller.waitFor('math@3', { timeout: 1 }))).toContain(
      'no member served it within 1 ms',
    )
  })

  test('refuse params that do not fit, at the caller and at the callee', async () => {
    const { caller } = await pair()
    // @ts-expect-error the type says so too
    expect(await refusal(caller.call('math.add', { a: 1, b: 'two' }))).toMatch(/^invalid_argument: .*b/)
    const untyped = await mesh.agent({ name: 'untyped' })
    await vi.waitFor(
      () => expect(untyped.services().map(({ service }) => service)).toContain('math@2'),
      20_000,
    )
    expect(await refusal(untyped.call('math.add', { a: 1, b: 'two' }))).toMatch(/^invalid_argument: .*b/)
  })

  test('end a call at its deadline, and tell the handler', async () => {
    const { caller, seen } = await pair()
    await caller.call('math.add', { a: 1, b: 2 })
    const late = async () =>
      expect(await refusal(caller.call('math.wait', { ms: 60_000 }, { timeout: 200 }))).toMatch(
        /^deadline_exceeded: /,
      )
    expect(await quickest(1_000, () => msOf(late))).toBeLessThan(1_000)
    await vi.waitFor(() => {
      expect(seen.started).toBeGreaterThan(0)
      expect(seen.aborted).toBe(seen.started)
    }, 20_000)
  })

  test('cancel a call across the wire', async () => {
    const { caller, seen } = await pair()
    const cancel = new AbortController()
    const call = refusal(caller.call('math.wait', { ms: 60_000 }, { signal: cancel.signal }))
    await vi.waitFor(() => expect(seen.started).toBe(1), 20_000)
    cancel.abort()
    expect(await call).toMatch(/^cancelled: /)
    await vi.waitFor(() => expect(seen.aborted).toBe(1), 20_000)
  })

  test('answer a question to the whole fleet in part when one is dead', async () => {
    const { caller, server } = await pair()
    const third = await mesh.agent({ name: 'third' })
    const online = () => caller.peers().flatMap(({ name, online }) => (online ? [name] : []))
    await vi.waitFor(() => expect(online()).toEqual(expect.arrayContaining(['server', 'third'])), 20_000)
    // Without a control plane it cannot withdraw its services from the map: as after a crash.
    await mesh.controlPlane.stop()
    await third.stop()
    await vi.waitFor(() => expect(online()).not.toContain('third'), 20_000)
    await vi.waitFor(async () => expect((await caller.callAll('host.info')).skipped).toBe(1), 20_000)
    const { results } = await caller.callAll('host.info', undefined, { timeout: 5_000, offline: true })
    const byName = new Map(results.map(result => [result.name, result]))
    expect(byName.get('server')).toMatchObject({
      ok: true,
      peerId: server.peerId,
      value: { cpu: expect.any(Object) },
    })
    expect(byName.get('caller')).toMatchObject({ ok: true })
    expect(byName.get('third')).toMatchObject({
      ok: false,
      error: { code: expect.stringMatching(/unavailable|deadline_exceeded/) },
    })
  })

  test('deny, by default, who has no grant', async () => {
    await mesh.letAgentsCall()
    const { server } = await pair()
    const guest = await mesh.agent({ name: 'guest', token: { roles: ['agent', 'guest'] } })
    await knows(guest, 'server')
    expect(await refusal(guest.call('math.add', { a: 1, b: 2 }))).toMatch(/^permission_denied: .*guest/)
    expect(await refusal(guest.call('host.info', {}, { peer: server.name }))).toMatch(/^permission_denied: /)
  })

  test.each([
    [['guest'], 'guest', '--role agent --role guest'],
    [['relay'], 'relay', '--role agent'],
    [[], 'no role', '--role agent'],
  ])(
    'need the role agent: a token for the roles %j is refused, and not used up',
    async (roles, has, wanted) => {
      const start = mesh.agent({ name: 'other', token: { roles } })
      await expect(start).rejects.toMatchObject({
        code: 'permission_denied',
        message: `Cannot redeem join token: it gives ${has}, and agent is wanted`,
        hint: expect.stringMatching(new RegExp(`token create ${wanted}$`)),
      })
      const { tokens } = await (await adminOf(mesh.controlPlane)).tokens()
      expect(tokens.filter(token => token.roles.join() === roles.join())).toMatchObject([{ left: 1 }])
    },
  )

  test('need the role agent in the credential they have', async () => {
    await (await mesh.relay('relay-2')).stop()
    await expect(mesh.startAgent({ name: 'relay-2' })).rejects.toMatchObject({
      code: 'permission_denied',
      message: 'Cannot start agent: its credential (relay-2) has the role relay, and needs the role agent',
      hint: expect.stringContaining('token create --role agent"'),
    })
  })

  test('let a running call finish when the callee stops', async () => {
    const { caller, server, seen } = await pair()
    const call = caller.call('math.wait', { ms: 300 })
    await vi.waitFor(() => expect(seen.started).toBe(1), 20_000)
    await server.stop()
    expect(await call).toBe('waited')
  })
})

describe('a change of the map', () => {
  test('reaches every agent within a second', async () => {
    const { caller, server } = await pair()
    await vi.waitFor(() => expect(caller.status().relays).toHaveLength(1), 20_000)
    let served = 0
    const change = async () => {
      const name = `text${served++}`
      server.serve({ contract: defineService({ name, version: 1, methods: {} }), handlers: {} })
      const known = () => expect(caller.services().map(({ service }) => service)).toContain(`${name}@1`)
      await vi.waitFor(known, { interval: 10, timeout: 20_000 })
    }
    expect(await quickest(1_000, () => msOf(change))).toBeLessThan(1_000)
  })
})

describe('without the control plane', () => {
  test('agents that were restarted find, trust and call each other from their disks', async () => {
    await mesh.relay('relay-1')
    let [a, b] = [await mesh.agent({ name: 'a' }), await mesh.agent({ name: 'b' })]
    await knows(a, 'b')
    await knows(b, 'a')
    // Links may show them to each other before the relay is on their disks.
    for (const agent of [a, b]) await vi.waitFor(() => expect(agent.status().relays).toHaveLength(1), 20_000)
    await mesh.stopControlPlane()
    await Promise.all([a.stop(), b.stop()])
    a = await mesh.startAgent({ name: 'a' })
    b = await mesh.startAgent({ name: 'b' })
    expect(await a.ask('host.info', {}, { peer: 'b', timeout: 20_000 })).toMatchObject({ peerId: b.peerId })
    await vi.waitFor(() => expect(a.status().warnings.join()).toMatch(/control plane/), 20_000)
    await mesh.restartControlPlane()
    await vi.waitFor(() => expect(a.status().controlPlane?.reachable).toBe(true), 20_000)
  })

  test('an agent says since when, though nothing of its own was to be published', async () => {
    const a = await mesh.agent({ name: 'a' })
    await vi.waitFor(() => expect(a.status().controlPlane?.reachable).toBe(true), 20_000)
    const before = Date.now()
    await mesh.stopControlPlane()
    await vi.waitFor(() => expect(a.status().controlPlane?.reachable).toBe(false), 25_000)
    const since = a.status().controlPlane?.unreachableSince ?? 0
    expect(since).toBeGreaterThanOrEqual(before - 1)
    expect(since).toBeLessThanOrEqual(Date.now() + 1)
    await mesh.restartControlPlane()
  })

  test('a newcomer is told so', async () => {
    const token = await mesh.token()
    await mesh.stopControlPlane()
    expect(await refusal(mesh.agent({ name: 'new', join: token }))).toMatch(
      /^unavailable: Cannot reach control plane/,
    )
    await mesh.restartControlPlane()
  })
})

describe('joining', () => {
  test('refuses a control plane of another mesh than the token names', async () => {
    const other = await LocalMesh.start()
    try {
      const token = parseJoinToken(await mesh.token())
      const hostile = formatJoinToken({ ...token, url: other.controlPlane.url })
      expect(await refusal(mesh.agent({ name: 'a', join: hostile }))).toMatch(
        /^unauthenticated: .*serves mesh/,
      )
    } finally {
      await other.stop()
    }
  })

  test('refuses a data folder of another mesh', async () => {
    const first = await mesh.agent({ name: 'a' })
    await first.stop()
    const other = await LocalMesh.start()
    try {
      expect(await refusal(mesh.agent({ name: 'a', join: await other.token() }))).toMatch(
        /^conflict: .*belongs to mesh/,
      )
    } finally {
      await other.stop()
    }
  })

  test('needs a token once, and says so', async () => {
    expect(await refusal(mesh.startAgent({ name: 'nobody' }))).toMatch(
      /^unauthenticated: .*belongs to no mesh/,
    )
  })

  test('gives the second of two equal names another one', async () => {
    const token = await mesh.token({ uses: 2 })
    const first = await mesh.agent({ name: 'twin', join: token })
    const second = await mesh.agent({ name: 'twin', data: mesh.data('twin-b'), join: token })
    expect([first.name, second.name]).toEqual(['twin', 'twin-2'])
  })
})
