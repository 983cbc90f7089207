/**
 * A thousand strangers at once, of all kinds, at an agent, a relay and the control plane; `npm run test:strangers` sends
 * ten thousand.
 */
import type { Agent } from '@agent-mesh/agent'
import type { Relay } from '@agent-mesh/relay'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { attackedMesh, doorOf, type AttackedMesh } from '../support/attacked-mesh.ts'
import { besiege, quantile } from '../support/besieged-mesh.ts'

let mesh: AttackedMesh
let relay: Relay
let caller: Agent
let callee: Agent

beforeAll(async () => {
  mesh = await attackedMesh()
  relay = await mesh.local.relay('relay')
  caller = await mesh.local.agent({ name: 'caller' })
  callee = await mesh.local.agent({ name: 'callee' })
  await vi.waitFor(() => expect(callee.status().relays).toHaveLength(1), 20_000)
  await vi.waitFor(() => expect(caller.peers().map(({ name }) => name)).toContain('callee'), 20_000)
  await caller.call('host.info', {}, { peer: 'callee' })
})
afterAll(() => mesh.local.stop())

const strangers = Number(process.env['STRANGERS'] ?? 1_000)
const share = (part: number) => Math.round(strangers * part)

describe("strangers' connections by the thousand", () => {
  test(
    'leave members responsive, their memory bounded, and the mesh open to newcomers',
    { timeout: 280_000 },
    async () => {
      const siege = await besiege({
        mesh,
        caller,
        callee,
        doors: [doorOf(callee), { peerId: relay.peerId, addr: relay.addresses[0] ?? '' }],
        counts: {
          silent: share(0.4),
          garbage: share(0.1),
          tls: share(0.1),
          libp2p: share(0.04),
          idleHttp: share(0.15),
          slowHttp: share(0.15),
          http: share(0.06),
        },
        holdMs: 1_000,
        meanwhile: async () => {
          const late = await mesh.local.agent({ name: 'late' })
          await late.call('host.info', {}, { peer: 'callee', timeout: 20_000 })
        },
      })
      const { report, calls, requests, gainedMiB, seconds } = siege
      console.log(
        `${report.tried} strangers in ${seconds.toFixed(1)} s, ${report.closed} turned away so far; meanwhile ` +
          `${calls.length} calls, p99 ${quantile(calls, 0.99).toFixed(0)} ms, ${requests.length} requests, ` +
          `p99 ${quantile(requests, 0.99).toFixed(0)} ms, ${gainedMiB.toFixed(0)} MiB more`,
      )
      expect(report.tried).toBe(strangers)
      expect(siege.failed).toBe(0)
      expect(calls.length).toBeGreaterThan(50)
      // Only half are judged: single ones may wait for other work of the machine.
      expect(quantile(calls, 0.5)).toBeLessThan(2_000)
      expect(quantile(requests, 0.5)).toBeLessThan(2_000)
      expect(quantile(calls, 0.9)).toBeLessThan(20_000)
      expect(quantile(requests, 0.9)).toBeLessThan(20_000)
      expect(gainedMiB).toBeLessThan(384)
    },
  )
})
