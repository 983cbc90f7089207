/** Health of real members: checks of programs, readiness, and what they do to recover. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { lastJson, runCommand } from '../support/command.ts'
import { LocalMesh, loopback } from '../support/local-mesh.ts'

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
  expect(await ada.metrics()).toMatch(/^agent_mesh_recoveries_total\{supervisor="relay"\} [1-9]/m)
})

test('agent-mesh health shows which checks fail where, as a table and as JSON, until they pass again', async () => {
  const { url, meshId, adminIdentityFile } = mesh.controlPlane
  const data = mesh.data('control-plane')
  const context = { version: 1, url, meshId, admin: basename(adminIdentityFile) }
  await writeFile(join(data, 'context.json'), JSON.stringify(context))
  const health = (...args: string[]) => runCommand(['health', '--data', data, ...args])
  await mesh.relay('relay-1', loopback, 'eu', { reportLoadMs: 500 })
  const ada = await mesh.agent({ name: 'ada', token: { region: 'eu' } })
  const remove = ada.health.check('queue', () => {
    throw new Error('no broker')
  })
  ada.health.check('cache', () => 'cold')
  const until = (assertion: () => Promise<void>) => vi.waitFor(assertion, { timeout: 60_000, interval: 500 })
  await until(async () => {
    const { stdout } = await health()
    expect(stdout).toMatch(/^CHECK +REGION +LEVEL +MEMBERS +AMONG THEM$/m)
    expect(stdout).toMatch(/^queue +eu +failing +1 +ada$/m)
    expect(stdout).toMatch(/^cache +eu +warning +1 +ada$/m)
    expect(stdout).toMatch(/^REGION +MEMBERS +ONLINE +STALE +RELAYS +AGENTS .*\neu +2 +2 +0 +1\/1 +1 /m)
  })
  expect(lastJson(await health('--json'))).toMatchObject({
    checks: expect.arrayContaining([
      { check: 'queue', region: 'eu', level: 'failing', members: 1, of: ['ada'] },
    ]) as unknown,
  })
  remove()
  await until(async () => expect((await health()).stdout).not.toMatch(/^queue/m))
})
