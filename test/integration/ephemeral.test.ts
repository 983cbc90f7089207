import { unlimitedUses } from '@agent-mesh/protocol'
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
    await vi.waitFor(() => expect(other.peers().map(({ name }) => name)).toContain('script'), 20_000)
    await script.stop()
    expect(await listed()).toEqual(['other', 'r'])
    await vi.waitFor(() => expect(other.peers().map(({ name }) => name)).toEqual(['r']), 20_000)
    const again = await mesh.startAgent({ name: 'script', ephemeral: true })
    expect(again.peerId).toBe(script.peerId)
    await vi.waitFor(async () => expect(await listed()).toContain('script'), 20_000)
  })

  test('stops in time while the control plane is away', async () => {
    const script = await mesh.agent({ name: 'script', ephemeral: true })
    await mesh.stopControlPlane()
    await script.stop()
    expect(() => script.peers()).toThrow('this agent has stopped')
    await mesh.restartControlPlane()
  })
})

test('a token for ephemeral members has no limit of uses unless one is given, any other token has', async () => {
  const admin = await adminOf(mesh.controlPlane)
  const { token, view } = await admin.createToken({ ephemeral: true, tags: ['ci'] })
  expect(view).toMatchObject({ uses: unlimitedUses, left: unlimitedUses })
  const joined = []
  for (const name of ['one', 'two', 'three']) joined.push(await mesh.agent({ name, join: token }))
  expect(joined.map(({ name }) => name)).toEqual(['one', 'two', 'three'])
  const [listed] = (await admin.tokens()).tokens.filter(({ id }) => id === view.id)
  expect(listed).toMatchObject({ left: unlimitedUses - 3 })
  expect((await admin.createToken({ ephemeral: true, uses: 2 })).view.uses).toBe(2)
  expect((await admin.createToken({})).view.uses).toBe(1)
  await expect(admin.createToken({ ephemeral: true, name: 'fixed' })).rejects.toThrow('more than one use')
})

test('an agent that is not ephemeral stays in the map when it stops', async () => {
  await (await mesh.agent({ name: 'a' })).stop()
  expect(await listed()).toEqual(['a'])
})
