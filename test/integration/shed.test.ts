/** What an agent refuses as a callee that is short of processor time: by default, as it is set, and not at all. */
import { defineService, type AgentOptions, type MeshError } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

const busy = defineService({
  name: 'busy',
  version: 1,
  methods: { compute: { params: z.number(), result: z.number() } },
})

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
  await mesh.relay('relay-1')
})
afterEach(() => mesh.stop())

/** Keeps the processor busy for so many ms. */
const compute = (ms: number): number => {
  const end = performance.now() + ms
  while (performance.now() < end);
  return ms
}

/** How 10 calls of 40 ms end that are made at once, and what the callee counts. */
async function burst(shed: NonNullable<Exclude<AgentOptions['resilience'], false>>['shed']) {
  const callee = await mesh.agent({ name: 'callee', resilience: { shed } })
  callee.serve({ contract: busy, handlers: { compute } })
  const caller = await mesh.agent({ name: 'caller', contracts: [busy] })
  await vi.waitFor(
    () => expect(caller.peers().find(({ name }) => name === 'callee')?.services).toContain('busy@1'),
    20_000,
  )
  const call = (ms: number) => caller.call('busy.compute', ms, { peer: 'callee', timeout: 20_000 })
  await call(0)
  const codes = await Promise.all(
    Array.from({ length: 10 }, () =>
      call(40).then(
        () => 'ok',
        ({ code }: MeshError) => code,
      ),
    ),
  )
  const count = (code: string) => codes.filter(each => each === code).length
  const metrics = await callee.metrics()
  const shedCount = Number(/not_started_total\{reason="shed"\} (\d+)/.exec(metrics)?.[1] ?? 0)
  return { ok: count('ok'), overloaded: count('overloaded'), shed: shedCount }
}

test('requests that wait longer than shed.waitMs are refused, each counted', async () => {
  // Their callers ask again a little later, so most of them are answered in the end.
  const { ok, overloaded, shed } = await burst({ waitMs: 50 })
  expect(ok + overloaded).toBe(10)
  expect(shed).toBeGreaterThan(0)
})

test('none is with shed: false: all wait for their turn', async () => {
  expect(await burst(false)).toEqual({ ok: 10, overloaded: 0, shed: 0 })
})

test('an option that is none is refused with its name', async () => {
  const start = (shed: object) => refusal(mesh.agent({ name: 'a', resilience: { shed } }))
  expect(await start({ waitMs: 0 })).toMatch(/invalid_argument: Cannot start: .*shed/)
  expect(await start({ memory: 1.5 })).toContain('invalid_argument')
  expect(await start({ wait: 5 })).toContain('invalid_argument')
})
