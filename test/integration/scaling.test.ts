/** Load and checks of real agents, from where they are measured to the control plane. */
import { defineService, implementService } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod/mini'
import { adminOf, LocalMesh, loopback } from '../support/local-mesh.ts'

const press = defineService({
  name: 'press',
  version: 1,
  methods: { print: { params: z.number(), result: z.number() } },
})

let mesh: LocalMesh
beforeEach(async () => (mesh = await LocalMesh.start()))
afterEach(() => mesh.stop())

/** Two agents, the load of one of which is reported soon, and a handler of it that runs until it is to end. */
async function started() {
  await mesh.relay('relay-1', loopback, undefined, { reportLoadMs: 500 })
  const ada = await mesh.agent({ name: 'ada', loadWindowMs: 3_000 })
  const ben = await mesh.agent({ name: 'ben' })
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const print = (page: number) => finished.then(() => page)
  return { ada, ben, print, finish }
}

test('calls that fill the limit of a method, and a check that fails, reach the control plane', async () => {
  const { ada, ben, print, finish } = await started()
  ada.serve(implementService(press, { print }, { concurrency: 2 }))
  ada.health.check('paper', () => {
    throw new Error('the tray is empty')
  })
  await ben.waitFor(press)
  const pages = [1, 2].map(page => ben.service(press).print(page, { timeout: 60_000 }))
  const admin = await adminOf(mesh.controlPlane)
  await vi.waitFor(
    async () => {
      const [health, scaling] = await Promise.all([admin.health(), admin.scaling({ service: 'press' })])
      expect(health.checks).toContainEqual(
        expect.objectContaining({ check: 'paper', level: 'failing', members: 1, of: ['ada'] }),
      )
      expect(scaling).toMatchObject({ service: 'press', current: 1, ready: 0 })
    },
    { timeout: 50_000, interval: 200 },
  )
  expect(await ada.metrics()).toMatch(/^agent_mesh_service_saturation\{service="press@1"\} (0\.[5-9]\d*|1)$/m)
  finish()
  expect(await Promise.all(pages)).toEqual([1, 2])
})

test('a saturated service that is ready asks for one provider more', async () => {
  const { ada, ben, print, finish } = await started()
  ada.serve(implementService(press, { print }, { concurrency: 1 }))
  await ben.waitFor(press)
  const page = ben.service(press).print(1, { timeout: 60_000 })
  const admin = await adminOf(mesh.controlPlane)
  await vi.waitFor(
    async () =>
      expect(await admin.scaling({ service: 'press' })).toMatchObject({
        current: 1,
        desired: 2,
        stale: false,
      }),
    { timeout: 50_000, interval: 200 },
  )
  finish()
  expect(await page).toBe(1)
})
