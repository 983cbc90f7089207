/** Agents and paths that leave: running calls finish, new ones go elsewhere. */
import { defineService, type Agent } from '@agent-mesh/agent'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { freePort } from '../support/free-port.ts'
import { LocalMesh } from '../support/local-mesh.ts'
import { msOf, quickest } from '../support/quickest.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const job = defineService({
  name: 'job',
  version: 1,
  methods: {
    who: { params: z.unknown(), result: z.string(), idempotent: true },
    run: { params: z.number(), result: z.string() },
  },
})

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'ok',
    (error: { code: unknown }) => error.code,
  )

let mesh: LocalMesh
let proxy: TcpProxy | undefined
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(async () => {
  proxy?.release()
  await mesh.stop()
  await proxy?.stop()
  proxy = undefined
})

const reached = (caller: Agent, peer: string) =>
  vi.waitFor(() => caller.ask('job.who', null, { peer }), { timeout: 20_000, interval: 50 })

/** Serves `job`: a run takes so many ms, one of -1 ms until `finish` is called. */
function serve(agent: Agent) {
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const seen = { started: 0, finish }
  const run = async (ms: number) => {
    seen.started++
    await (ms === -1 ? finished : delay(ms))
    return 'done'
  }
  agent.serve({ contract: job, handlers: { who: () => agent.name, run } })
  return seen
}

describe('an agent that stops', () => {
  test('finishes what runs, starts nothing new, and is left by callers at once', async () => {
    await mesh.relay('relay')
    const [leaver, other] = [await mesh.agent({ name: 'leaver' }), await mesh.agent({ name: 'other' })]
    const [atLeaver, atOther] = [serve(leaver), serve(other)]
    const caller = await mesh.agent({ name: 'caller', contracts: [job] })
    const late = await mesh.agent({ name: 'late', contracts: [job] })
    for (const peer of ['leaver', 'other']) await reached(caller, peer)
    await vi.waitFor(
      () => expect(late.services().find(({ service }) => service === 'job@1')?.providers).toHaveLength(2),
      20_000,
    )
    const running = codeOf(caller.ask('job.run', 2_000, { peer: 'leaver' }))
    await vi.waitFor(() => expect(atLeaver.started).toBe(1), 20_000)
    const stopped = leaver.stop()
    expect(leaver.status()).toMatchObject({ ready: false })
    // One has a link to it, the other one has to dial: both are served by the member that stays.
    const calls = [caller, late].flatMap(agent => Array.from({ length: 8 }, () => agent.ask('job.run', 1)))
    for (const { name } of await Promise.all(calls)) expect(name).toBe('other')
    expect(await codeOf(late.ask('job.run', 1, { peer: 'leaver', timeout: 1_000 }))).not.toBe('ok')
    expect(await running).toBe('ok')
    await stopped
    expect([atLeaver.started, atOther.started]).toEqual([1, 16])
  })

  test('is listed by no service within a second, and known as offline', async () => {
    await mesh.relay('relay')
    const caller = await mesh.agent({ name: 'caller', contracts: [job] })
    const providers = () => caller.services().flatMap(({ providers }) => providers.map(({ name }) => name))
    let leavers = 0
    /** ms from the stop of an agent until the caller's map lists it no more. */
    const withdrawal = async () => {
      const name = `leaver-${++leavers}`
      const leaver = await mesh.agent({ name })
      serve(leaver)
      await reached(caller, name)
      const unlisted = () => vi.waitUntil(() => !providers().includes(name), { timeout: 20_000, interval: 5 })
      const [ms] = await Promise.all([msOf(unlisted), leaver.stop()])
      return ms
    }
    expect(await quickest(1_000, withdrawal)).toBeLessThan(1_000)
    const left = `leaver-${leavers}`
    await vi.waitFor(
      () => expect(caller.peers().find(({ name }) => name === left)).toMatchObject({ online: false }),
      20_000,
    )
    expect((await caller.callAll('host.info' as never)).results.map(({ name }) => name)).not.toContain(left)
  })

  test('is left by callers at once while the control plane is unreachable, and ends long before its drain time', async () => {
    await mesh.relay('relay')
    const leaver = await mesh.agent({ name: 'leaver', drain: 60_000 })
    const other = await mesh.agent({ name: 'other' })
    const [atLeaver] = [serve(leaver), serve(other)]
    const caller = await mesh.agent({ name: 'caller', contracts: [job] })
    for (const peer of ['leaver', 'other']) await reached(caller, peer)
    await mesh.stopControlPlane()
    const before = performance.now()
    const stopped = leaver.stop()
    for (let i = 0; i < 20; i++) expect(await caller.ask('job.run', 1)).toMatchObject({ name: 'other' })
    await stopped
    expect(performance.now() - before).toBeLessThan(30_000)
    expect(atLeaver.started).toBe(0)
    for (let i = 0; i < 20; i++) expect(await caller.ask('job.run', 1)).toMatchObject({ name: 'other' })
  })

  test('answers nothing afterwards', async () => {
    const agent = await mesh.agent({ name: 'alone' })
    await agent.stop()
    const after = [
      agent.call('host.info'),
      agent.ask('host.info'),
      agent.callAll('host.info'),
      agent.ping('alone'),
      agent.path('alone'),
    ]
    for (const action of after) expect(await codeOf(action)).toBe('going_away')
    expect(() => serve(agent)).toThrow(expect.objectContaining({ code: 'going_away' }) as Error)
  })

  test('ends its calls that have no link yet as going_away, and tries them no more', async () => {
    let dials = 0
    const silent = createServer(() => dials++).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    try {
      await mesh.agent({ name: 'callee', announce: [`/ip4/127.0.0.1/tcp/${port}`] })
      const caller = await mesh.agent({ name: 'caller', listen: [], contracts: [job] })
      await vi.waitUntil(() => caller.peers().some(({ name }) => name === 'callee'), 20_000)
      const call = codeOf(caller.ask('job.who', null, { peer: 'callee', timeout: 60_000 }))
      await vi.waitUntil(() => dials > 0, 20_000)
      await caller.stop()
      expect(await call).toBe('going_away')
    } finally {
      silent.close()
    }
  })

  test('waits for its calls no longer than its drain time', async () => {
    const leaver = await mesh.agent({ name: 'leaver', drain: 500 })
    const seen = serve(leaver)
    const caller = await mesh.agent({ name: 'caller', contracts: [job] })
    await reached(caller, 'leaver')
    const endless = codeOf(caller.ask('job.run', 60_000, { peer: 'leaver', timeout: 50_000 }))
    await vi.waitFor(() => expect(seen.started).toBe(1), 20_000)
    // The call has 50 s.
    expect(await msOf(() => leaver.stop())).toBeLessThan(20_000)
    expect(await endless).toBe('path_lost')
  })
})

describe('a relay that stops', () => {
  /** Both relays carry; `caller` reaches `callee` over `first`. */
  async function relayed(drain: number) {
    const first = await mesh.relay('first', undefined, undefined, { drain })
    const callee = await mesh.agent({ name: 'callee', listen: [] })
    const seen = serve(callee)
    const caller = await mesh.agent({ name: 'caller', paths: 'relay', contracts: [job] })
    await reached(caller, 'callee')
    await mesh.relay('second')
    const reservedTwice = () => {
      for (const agent of [callee, caller]) expect(agent.status().relays).toHaveLength(2)
    }
    await vi.waitFor(reservedTwice, { timeout: 20_000, interval: 50 })
    return { first, caller, seen }
  }

  test('carries its calls until they end, and new ones go over another relay meanwhile', async () => {
    const { first, caller, seen } = await relayed(60_000)
    const running = codeOf(caller.ask('job.run', -1, { peer: 'callee', timeout: 60_000 }))
    await vi.waitFor(() => expect(seen.started).toBe(1), 20_000)
    let stopped = false
    const stopping = first.stop().then(() => (stopped = true))
    expect(first.status()).toMatchObject({ ready: false })
    for (let i = 0; i < 20; i++)
      expect(await codeOf(caller.ask('job.run', 10, { peer: 'callee' }))).toBe('ok')
    expect(stopped).toBe(false)
    seen.finish()
    expect(await running).toBe('ok')
    await stopping
    expect(seen.started).toBe(21)
  })

  test('ends soon after its drain time; longer calls are repeated if they may be', async () => {
    const { first, caller, seen } = await relayed(1_000)
    const long = (idempotent: boolean) =>
      codeOf(caller.ask('job.run', -1, { peer: 'callee', idempotent, timeout: 90_000 }))
    const [repeatable, single] = [long(true), long(false)]
    await vi.waitFor(() => expect(seen.started).toBe(2), 20_000)
    // Neither call has ended, nor ends by itself.
    expect(await msOf(() => first.stop())).toBeLessThan(30_000)
    expect(await single).toBe('path_lost')
    await vi.waitFor(() => expect(seen.started).toBe(3), 20_000)
    seen.finish()
    expect(await repeatable).toBe('ok')
    expect(seen.started).toBe(3)
  })
})

test('a call of 12 s that began over the relay survives the upgrade to a direct path', async () => {
  await mesh.relay('relay')
  const target = await freePort()
  proxy = await startTcpProxy(target)
  proxy.hold()
  const addrs = { listen: [`/ip4/127.0.0.1/tcp/${target}`], announce: [`/ip4/127.0.0.1/tcp/${proxy.port}`] }
  const callee = await mesh.agent({ name: 'callee', ...addrs })
  const seen = serve(callee)
  const caller = await mesh.agent({ name: 'caller', listen: [], contracts: [job] })
  await vi.waitFor(async () => {
    expect(await caller.ask('job.who', null, { peer: 'callee' })).toMatchObject({ path: 'relay' })
  }, 20_000)
  const began = performance.now()
  const call = codeOf(caller.ask('job.run', -1, { peer: 'callee', timeout: 90_000 }))
  await vi.waitFor(() => expect(seen.started).toBe(1), 20_000)
  proxy.release()
  await vi.waitFor(
    () => expect(caller.peers().find(({ name }) => name === 'callee')).toMatchObject({ path: 'direct' }),
    { timeout: 40_000, interval: 50 },
  )
  await vi.waitUntil(() => performance.now() - began > 12_000, { timeout: 20_000, interval: 50 })
  seen.finish()
  expect(await call).toBe('ok')
})
