import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { adminOf, LocalMesh } from '../support/local-mesh.ts'

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

/** Names in the map, as the control plane has it. */
async function listed(): Promise<string[]> {
  const { members } = await (await adminOf(mesh.controlPlane)).members()
  return members.map(({ name }) => name).sort()
}

describe('an ephemeral agent', () => {
  test('is in the map while it runs, out of it once it has stopped, and back when it starts again', async () => {
    await mesh.relay('r')
    const other = await mesh.agent({ name: 'other' })
    const script = await mesh.agent({ name: 'script', ephemeral: true })
    await vi.waitFor(() => expect(other.peers().map(({ name }) => name)).toContain('script'), 10_000)
    await script.stop()
    expect(await listed()).toEqual(['other', 'r'])
    await vi.waitFor(() => expect(other.peers().map(({ name }) => name)).toEqual(['r']), 10_000)
    const again = await mesh.startAgent({ name: 'script', ephemeral: true })
    expect(again.peerId).toBe(script.peerId)
    await vi.waitFor(async () => expect(await listed()).toContain('script'), 10_000)
  })

  test('stops in time while the control plane is away', async () => {
    const script = await mesh.agent({ name: 'script', ephemeral: true })
    await mesh.stopControlPlane()
    await script.stop()
    expect(() => script.peers()).toThrow('this agent has stopped')
    await mesh.restartControlPlane()
  })
})

test('an agent that is not ephemeral stays in the map when it stops', async () => {
  await (await mesh.agent({ name: 'a' })).stop()
  expect(await listed()).toEqual(['a'])
})
