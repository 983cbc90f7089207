/** A provider that fails, as its callers see it: ejected, asked by one call now and then, and back when it works again. */
import { defineService, MeshError, type AgentEvents } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'

const work = defineService({
  name: 'work',
  version: 1,
  methods: { run: { params: z.null(), result: z.string() } },
})

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
  await mesh.relay('relay-1')
})
afterEach(() => mesh.stop())

const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 10 })

/** Two providers, one of which can be broken, and what a caller learns of their breakers. */
async function started() {
  const asked = { flaky: 0, steady: 0 }
  const state = { broken: true }
  const [flaky, steady, caller] = [
    await mesh.agent({ name: 'flaky' }),
    await mesh.agent({ name: 'steady' }),
    await mesh.agent({
      ...{ name: 'caller', contracts: [work], balance: 'round-robin' },
      resilience: { breaker: { openMs: 200, maxOpenMs: 400 } },
    }),
  ]
  const run = () => {
    asked.flaky++
    if (state.broken) throw new MeshError('unavailable', 'Cannot run: the database is down')
    return 'flaky'
  }
  flaky.serve({ contract: work, handlers: { run } })
  steady.serve({ contract: work, handlers: { run: () => (asked.steady++, 'steady') } })
  await until(() =>
    expect(caller.services().find(({ service }) => service === 'work@1')?.providers).toHaveLength(2),
  )
  const seen: AgentEvents['breaker'][] = []
  caller.on('breaker', change => void seen.push(change))
  /** @returns its provider, or the code of its failure */
  const call = () => caller.call('work.run', null).catch(({ code }: MeshError) => code)
  const states = () => seen.map(({ state: to }) => to)
  return { flaky, caller, asked, state, seen, call, states }
}

test('a provider that fails is ejected, probed, and asked again once it works', async () => {
  const { flaky, caller, asked, state, seen, call, states } = await started()
  await until(async () => {
    await call()
    expect(seen).not.toEqual([])
  })
  const { peerId } = flaky
  expect(seen[0]).toEqual({ peerId, service: 'work@1', state: 'open', reason: 'consecutive' })
  expect(await caller.metrics()).toContain('agent_mesh_ejections_total{reason="consecutive"} 1')

  const [askedBefore, toldBefore] = [asked.flaky, seen.length]
  for (let i = 0; i < 20; i++) await call()
  const probes = states()
    .slice(toldBefore)
    .filter(to => to === 'half-open').length
  expect(asked.flaky - askedBefore).toBeLessThanOrEqual(probes)

  // A probe that fails ejects it anew.
  await until(async () => {
    await call()
    expect(states().slice(0, 3)).toEqual(['open', 'half-open', 'open'])
  })

  state.broken = false
  await until(async () => {
    await call()
    expect(states().slice(-2)).toEqual(['half-open', 'closed'])
  })
  expect(seen.at(-1)).toMatchObject({ peerId, service: 'work@1', state: 'closed', reason: undefined })
  expect((await Promise.all([call(), call(), call(), call()])).sort()).toEqual([
    ...['flaky', 'flaky', 'steady', 'steady'],
  ])
  expect(await caller.metrics()).toContain('agent_mesh_breakers{state="open"} 0')
})
