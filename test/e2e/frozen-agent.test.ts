/** A process that ends without a farewell, or whose host hangs: a stopped process keeps its sockets and sends nothing. */
import type { Agent } from '@agent-mesh/agent'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openWorkshop, type Daemon, type Workshop } from '../support/command.ts'
import { LocalMesh, loopback } from '../support/local-mesh.ts'
import { quickest } from '../support/quickest.ts'

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
    { timeout, interval: 20 },
  )

/** Ms from a signal until it is offline for all; within twice the bound on a machine that is busy. */
async function msUntilOffline(agents: readonly Agent[], signal: 'SIGKILL' | 'SIGSTOP', bound: number) {
  const began = performance.now()
  frozen.child.kill(signal)
  await allSee(agents, { online: false }, 2 * bound)
  return performance.now() - began
}

/** Whether it was offline for one of them at any time while it was stopped for 3 s, and until it answered again. */
async function isDisturbedByPause(agents: readonly Agent[]): Promise<boolean> {
  let seen = false
  const offs = agents.map(agent =>
    agent.on('member', ({ name, online }) => {
      if (name === 'frozen' && !online) seen = true
    }),
  )
  const resume = performance.now() + 3_000
  frozen.child.kill('SIGSTOP')
  await vi.waitFor(() => expect(performance.now()).toBeGreaterThan(resume), { timeout: 6_000, interval: 20 })
  frozen.child.kill('SIGCONT')
  await agents[0]?.ask('host.info', {}, { peer: 'frozen', timeout: 10_000, idempotent: true })
  await allSee(agents, { online: true }, 10_000)
  for (const off of offs) off()
  return seen
}

async function observers(relay: boolean): Promise<[Agent, Agent]> {
  const home = relay ? await mesh.relay('relay') : undefined
  const agents: [Agent, Agent] = [
    await mesh.agent({ name: 'one' }),
    await mesh.agent({ name: 'two', ...(relay && { listen: [] }) }),
  ]
  await startFrozen()
  await allSee(agents, { online: true }, 20_000)
  const areHomed = async () => expect(await home?.metrics()).toMatch(/^agent_mesh_relay_homed_agents 3$/m)
  if (relay) await vi.waitFor(areHomed, 20_000)
  return agents
}

describe.each([true, false])('an agent of an idle mesh (with a relay: %s)', relay => {
  test('whose host hangs is offline for all within 8 s, is not chosen, and comes back', async () => {
    const agents = await observers(relay)
    const ms = await msUntilOffline(agents, 'SIGSTOP', 8_000)
    for (let i = 0; i < 10; i++) {
      const { name } = await agents[0].ask('host.info', {}, { timeout: 5_000, idempotent: true })
      expect(name).not.toBe('frozen')
    }
    frozen.child.kill('SIGCONT')
    await allSee(agents, { online: true }, 15_000)
    expect(ms).toBeLessThan(8_000)
  }, 90_000)

  test('that stops for 3 s is offline for none', async () => {
    const agents = await observers(relay)
    expect(await isDisturbedByPause(agents)).toBe(false)
  }, 60_000)

  test('that is killed is offline for all within 1.5 s', async () => {
    const agents = await observers(relay)
    const ms = await quickest(1_500, async () => {
      if (frozen.child.exitCode !== null || frozen.child.signalCode !== null) {
        frozen = await workshop.start('frozen', ['up', '--listen', loopback])
        await allSee(agents, { online: true }, 20_000)
      }
      return msUntilOffline(agents, 'SIGKILL', 1_500)
    })
    expect(ms).toBeLessThan(1_500)
  }, 90_000)
})
