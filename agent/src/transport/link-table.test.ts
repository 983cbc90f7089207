import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { targetOf, TestMesh } from './testing/test-mesh.ts'

const until = <T>(condition: () => T | Promise<T>) =>
  vi.waitUntil(condition, { timeout: 10_000, interval: 10 })

let mesh: TestMesh
beforeEach(async () => {
  mesh = await TestMesh.create()
})
afterEach(() => mesh.stop())

it('a link whose peer said that it leaves, and stays, gives its place to others', async () => {
  const hub = await mesh.join('hub', { options: { maxLinks: 1 } })
  const [leaver, other] = [await mesh.join('leaver'), await mesh.join('other')]
  await leaver.connect(targetOf(hub))
  const link = await until(() => hub.links.best(leaver.peerId))
  hub.links.leaving(link)
  // Identify runs on a new link for a moment.
  const linked = () =>
    hub.connect(targetOf(other)).then(
      () => true,
      () => false,
    )
  await until(linked)
  expect(hub.links.peers()).toEqual([other.peerId])
})
