/** What members learn of each other over their links, without relay and control plane. */
import type { Agent } from '@agent-mesh/agent'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 })
const seen = (by: Agent, name: string) => by.peers().find(peer => peer.name === name)
const portOf = (agent: Agent) => Number(agent.status().addrs[0]?.split('/').at(-1))

describe('members without relay and control plane', () => {
  test('learn members of members, and reach them', async () => {
    const middle = await mesh.agent({ name: 'middle' })
    const listen = [`/ip4/127.0.0.1/tcp/${portOf(middle)}`]
    await middle.stop()
    // Each knows from its disk those that joined before it.
    for (const name of ['early', 'late']) await (await mesh.agent({ name })).stop()
    await mesh.stopControlPlane()
    await mesh.startAgent({ name: 'middle', listen })
    // It listens nowhere: none but itself can open a link.
    const early = await mesh.startAgent({ name: 'early', listen: [] })
    expect(seen(early, 'late')).toBeUndefined()
    await mesh.startAgent({ name: 'late' })
    await until(() => expect(seen(early, 'late')).toMatchObject({ online: true, source: 'link' }))
    expect(await early.ask('host.info', {}, { peer: 'late' })).toMatchObject({ path: 'direct' })
    await mesh.restartControlPlane()
  })

  test('hear of one that stops before it has closed its links, and of its next start', async () => {
    const [one, two] = [await mesh.agent({ name: 'one' }), await mesh.agent({ name: 'two' })]
    await until(() => expect(seen(one, 'two')).toMatchObject({ online: true, source: 'link' }))
    await two.stop()
    await until(() => expect(seen(one, 'two')).toMatchObject({ online: false, source: 'swim' }))
    await mesh.startAgent({ name: 'two' })
    await until(() => expect(seen(one, 'two')).toMatchObject({ online: true }))
  })
})
