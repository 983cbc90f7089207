import { defineService, type Agent } from '@agent-mesh/agent'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { adminOf, LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

const docs = defineService({
  name: 'docs',
  version: 1,
  methods: {
    get: {
      params: z.object({ id: z.string() }),
      result: z.object({ id: z.string(), by: z.string() }),
      idempotent: true,
      cache: { ttl: 600_000, tags: ({ id }: { id: string }) => [`doc:${id}`] },
    },
  },
})

const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 20 })

let mesh: LocalMesh
/** Calls that reached a handler, by the member that served them. */
let served: Record<string, number>
beforeEach(async () => {
  served = {}
  mesh = await LocalMesh.start()
  await mesh.relay('relay-1')
})
afterEach(() => mesh.stop())

async function server(name: string): Promise<Agent> {
  const agent = await mesh.agent({ name })
  const get = ({ id }: { id: string }) => {
    served[name] = (served[name] ?? 0) + 1
    return { id, by: name }
  }
  agent.serve({ contract: docs, handlers: { get } })
  return agent
}

const caller = (...servers: string[]) => namedCaller('caller', ...servers)

/** A caller that has the answer for `x` of each server in its cache. */
async function namedCaller(name: string, ...servers: string[]) {
  const agent = await mesh.agent({ name, contracts: [docs] })
  const get = async (peer?: string) => (await agent.call('docs.get', { id: 'x' }, peer ? { peer } : {})).by
  for (const name of servers) {
    await until(() => expect(agent.peers().find(peer => peer.name === name)?.services).toContain('docs@1'))
    served[name] = 0
    expect([await get(name), await get(name)]).toEqual([name, name])
    expect(served[name]).toBe(1)
  }
  return { agent, get }
}

describe('a cached answer', () => {
  test('is given until its tag is invalidated; the metrics tell how often', async () => {
    await server('server')
    const { agent, get } = await caller('server')
    expect(await agent.invalidate({ tags: ['doc:other'] })).toBe(0)
    expect(await agent.invalidate({ tags: ['doc:x'] })).toBe(1)
    expect([await get('server'), served['server']]).toEqual(['server', 2])
    expect(await refusal(agent.invalidate({ tags: Array.from({ length: 17 }, () => 'tag') }))).toContain(
      'invalid_argument: Cannot invalidate cached answers',
    )
    const metrics = await agent.metrics()
    expect(metrics).toContain('agent_mesh_cache_results_total{method="docs.get",result="hit"} 1')
    expect(metrics).toContain('agent_mesh_cache_results_total{method="docs.get",result="miss"} 2')
    expect(metrics).toContain('agent_mesh_cache_answers 1')
    expect(metrics).toMatch(/agent_mesh_cache_bytes [1-9]\d\d\n/)
  })

  test('is dropped by all callers when its server invalidates it, as far as the policy grants that', async () => {
    const origin = await server('server')
    const callers = [await namedCaller('one', 'server'), await namedCaller('two', 'server')]
    const invalidated = async (agent: Pick<Agent, 'metrics'>, event: string) =>
      Number(new RegExp(`invalidations_total{event="${event}"} (.*)`).exec(await agent.metrics())?.[1])
    const all = () => Promise.all(callers.map(({ agent }) => invalidated(agent, 'received')))
    expect(await callers[0]!.get('server')).toBe('server')
    // Relays hear of subscriptions a moment later.
    await until(async () => {
      expect(await origin.invalidate({ tags: ['doc:x'] })).toBe(0)
      expect(await all()).not.toContain(0)
    })
    served['server'] = 0
    for (const { get } of callers) await get('server')
    expect(served['server']).toBe(2)
    await mesh.letAgentsCall('service:docs.*')
    await until(async () => {
      await origin.invalidate({ tags: ['doc:x'] })
      expect(await invalidated(origin, 'local')).toBeGreaterThan(0)
    })
    for (const { get } of callers) await until(async () => expect(await get('server')).toBe('server'))
    served['server'] = 0
    await origin.invalidate({ tags: ['doc:x'] })
    for (const { get } of callers) await get('server')
    expect(served['server']).toBe(0)
  })

  test('is not given to a caller that a new policy denies the method', async () => {
    await server('server')
    const { get } = await caller('server')
    await mesh.letAgentsCall('service:host.*')
    await until(async () => expect(await refusal(get('server'))).toContain('permission_denied'))
    await mesh.letAgentsCall('service:docs.*')
    await until(async () => expect(await get('server')).toBe('server'))
  })

  test('of a member is not given once the caller knows that it was revoked', async () => {
    const [one] = await Promise.all([server('one'), server('two')])
    const { agent, get } = await caller('one', 'two')
    const cut = new Promise(resolve => agent.onCutOff(resolve))
    await (await adminOf(mesh.controlPlane)).revoke({ peerId: one.peerId })
    await cut
    expect(await refusal(get('one'))).toMatch(/revoked|not_found|unavailable/)
    expect([await get('two'), served]).toEqual(['two', { one: 1, two: 1 }])
  })

  test('is not given to a caller that was revoked itself', async () => {
    await server('server')
    const { agent } = await caller('server')
    await (await adminOf(mesh.controlPlane)).revoke({ peerId: agent.peerId })
    const call = () => agent.call('docs.get', { id: 'x' }, { peer: 'server', timeout: 1_000 })
    await until(async () =>
      expect(await refusal(call())).toMatch(
        /^(revoked|unavailable|deadline_exceeded|unauthenticated|path_lost)/,
      ),
    )
  })

  test('is not kept by an agent without a cache, whose options are checked', async () => {
    await server('server')
    const agent = await mesh.agent({ name: 'caller', contracts: [docs], cache: false })
    await until(() => expect(agent.services().map(({ service }) => service)).toContain('docs@1'))
    await agent.call('docs.get', { id: 'x' })
    await agent.call('docs.get', { id: 'x' })
    expect([served['server'], await agent.invalidate({ tags: ['doc:x'] })]).toEqual([2, 0])
    expect(await agent.metrics()).not.toContain('agent_mesh_cache')
    const start = (cache: object) => refusal(mesh.agent({ name: 'other', cache }))
    expect(await start({ maxBytes: 1 })).toContain('invalid_argument: Cannot start: cache')
    expect(await start({ maxbytes: 1 << 20 })).toContain('there is no option cache.maxbytes')
  })
})
