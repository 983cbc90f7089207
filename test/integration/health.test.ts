/** Health of real members: checks of programs, readiness, and what they do to recover. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'

let mesh: LocalMesh
beforeEach(async () => (mesh = await LocalMesh.start()))
afterEach(() => mesh.stop())

const soon = (assertion: () => void) => vi.waitFor(assertion, { timeout: 20_000 })

test('a check that fails makes an agent not ready, and names itself in status; removed, the agent is ready', async () => {
  const ada = await mesh.agent({ name: 'ada' })
  expect(ada.health.report()).toMatchObject({ ready: true })
  const builtIn = ada.health.report().checks.map(({ name }) => name)
  expect(builtIn.sort()).toEqual([
    ...['clock', 'control-plane', 'credential', 'disk', 'loop', 'memory', 'relay', 'serving', 'store'],
  ])
  const remove = ada.health.check('queue', () => {
    throw new Error('no broker')
  })
  await soon(() =>
    expect(ada.status()).toMatchObject({
      ready: false,
      checks: expect.arrayContaining([
        expect.objectContaining({ name: 'queue', level: 'failing', reason: 'no broker' }),
      ]) as unknown[],
    }),
  )
  remove()
  expect(ada.status()).toMatchObject({ ready: true })
  expect(await ada.metrics()).toMatch(/^agent_mesh_check_status\{check="disk"\} 0$/m)
  await ada.stop()
  expect(() => ada.health.report()).toThrow(/Cannot read its health: this agent has stopped/)
})

test('an agent that loses its home relay moves to the other one, and has that on record', async () => {
  const relays = [await mesh.relay('relay-1'), await mesh.relay('relay-2')]
  const ada = await mesh.agent({ name: 'ada' })
  await soon(() => expect(ada.status().relays).toHaveLength(2))
  const [home] = ada.status().relays
  // The health looks each 3 s: it has seen the home that is lost.
  await soon(() =>
    expect(ada.health.report().checks.find(({ name }) => name === 'relay')?.forMs).toBeGreaterThan(3_200),
  )
  await relays.find(({ peerId }) => peerId === home?.peerId)?.stop()
  const other = relays.find(({ peerId }) => peerId !== home?.peerId)
  await soon(() =>
    expect(ada.health.report().acts).toContainEqual(
      expect.objectContaining({ supervisor: 'relay', act: `moved to relay ${other?.name}` }),
    ),
  )
  expect(await ada.metrics()).toMatch(/^agent_mesh_recoveries_total\{supervisor="relay"\} 1$/m)
})
