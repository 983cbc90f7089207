/** A host that hangs or loses power: a stopped process keeps its sockets and sends nothing. */
import type { Agent } from '@agent-mesh/agent'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openWorkshop, type Daemon, type Workshop } from '../support/command.ts'
import { LocalMesh, loopback } from '../support/local-mesh.ts'

let mesh: LocalMesh
let workshop: Workshop
let frozen: Daemon

beforeEach(async () => {
  mesh = await LocalMesh.start()
  workshop = await openWorkshop()
})
afterEach(async () => {
  await workshop.end()
  await mesh.stop()
})

async function startFrozen(): Promise<void> {
  const join = await mesh.token()
  frozen = await workshop.start('frozen', ['up', '--join', join, '--name', 'frozen', '--listen', loopback])
}

const seenBy = (agent: Agent) => agent.peers().find(({ name }) => name === 'frozen')

const allSee = (agents: readonly Agent[], state: object, timeout: number) =>
  vi.waitFor(
    () => {
      for (const agent of agents) expect(seenBy(agent)).toMatchObject(state)
    },
    { timeout, interval: 50 },
  )

/** Detection takes 7 s; the rest is for a machine that is busy. */
const offlineMs = 10_000

describe('an agent whose host hangs', () => {
  test('is offline for all within seconds though their links to it stand, is not chosen, and comes back', async () => {
    await mesh.relay('relay')
    const [one, two] = [await mesh.agent({ name: 'one' }), await mesh.agent({ name: 'two', listen: [] })]
    await startFrozen()
    await allSee([one], { online: true, source: 'link' }, 15_000)
    await allSee([two], { online: true }, 15_000)
    frozen.child.kill('SIGSTOP')
    await allSee([one, two], { online: false, source: 'none' }, offlineMs)
    for (let i = 0; i < 20; i++) {
      const { name, ms } = await one.ask('host.info', {}, { timeout: 5_000, idempotent: true })
      expect(name).not.toBe('frozen')
      expect(ms).toBeLessThan(1_000)
    }
    frozen.child.kill('SIGCONT')
    await allSee([one, two], { online: true }, 15_000)
  }, 60_000)

  test('is offline for all within seconds where there is no relay', async () => {
    const one = await mesh.agent({ name: 'one' })
    await startFrozen()
    await allSee([one], { online: true, source: 'link' }, 20_000)
    frozen.child.kill('SIGSTOP')
    await allSee([one], { online: false }, offlineMs)
  }, 60_000)
})
