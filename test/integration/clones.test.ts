import { cp } from 'node:fs/promises'
import { hostService, type Agent } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

const clonesOf = async (member: Pick<Agent, 'metrics'>): Promise<number> =>
  Number(/^agent_mesh_cloned_keys_total (\d+)$/m.exec(await member.metrics())?.[1])
const warned = (member: Pick<Agent, 'status'>) =>
  member.status().warnings.filter(text => text.startsWith('cloned key'))

test('two processes with one key are found by the relay and by the older one, which stays up', async () => {
  const relay = await mesh.relay('relay-1')
  const original = await mesh.agent({ name: 'twin' })
  await vi.waitFor(() => expect(original.status().controlPlane?.reachable).toBe(true), 20_000)
  await vi.waitFor(() => expect(original.status().relays).toHaveLength(1), 20_000)
  await cp(mesh.data('twin'), mesh.data('copy'), { recursive: true })
  const copy = await mesh.startAgent({ name: 'twin', data: mesh.data('copy') })
  expect(copy.peerId).toBe(original.peerId)

  await vi.waitFor(() => expect(warned(original)).toHaveLength(1), 20_000)
  expect(warned(original)[0]).toContain('falls silent')
  await vi.waitFor(
    () => expect(warned(relay)).toEqual(['cloned key: two processes use the key of twin']),
    20_000,
  )
  expect(await clonesOf(relay)).toBe(1)
  expect(warned(copy)).toEqual([])
  await vi.waitFor(() => expect(copy.status().controlPlane?.reachable).toBe(true), 20_000)
  expect(warned(copy)).toEqual([])
  expect(original.status().ready).toBe(true)
})

test('a restart is no clone', async () => {
  const relay = await mesh.relay('relay-1')
  const watcher = await mesh.agent({ name: 'watcher', contracts: [hostService] })
  for (let start = 0; start < 3; start++) {
    const agent = start === 0 ? await mesh.agent({ name: 'a' }) : await mesh.startAgent({ name: 'a' })
    await vi.waitFor(() => watcher.call('host.info', {}, { peer: agent.peerId, timeout: 2_000 }), 20_000)
    await agent.stop()
  }
  for (const member of [relay, watcher]) {
    expect(warned(member)).toEqual([])
    expect(await clonesOf(member)).toBe(0)
  }
})
