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

/** Ms from a signal until it is offline for all; later than the bound on a machine that is busy. */
async function msUntilOffline(agents: readonly Agent[], signal: 'SIGKILL' | 'SIGSTOP', bound: number) {
  const began = performance.now()
  frozen.child.kill(signal)
  await allSee(agents, { online: false }, bound + 20_000)
  return performance.now() - began
}

/**
 * Stops it for 3 s, or longer on a busy machine: the verdict comes 3.5 s after what was heard last.
 * @returns whether it was offline for one of them at any time until it answered again
 */
async function isDisturbedByPause(agents: readonly Agent[]): Promise<boolean> {
  let seen = false
  const offs = agents.map(agent =>
    agent.on('member', ({ name, online }) => {
      if (name === 'frozen' && !online) seen = true
    }),
  )
  const stopped = performance.now()
  frozen.child.kill('SIGSTOP')
  await vi.waitFor(() => expect(performance.now() - stopped).toBeGreaterThan(3_000), {
    timeout: 20_000,
    interval: 20,
  })
  frozen.child.kill('SIGCONT')
  await agents[0]?.ask('host.info', {}, { peer: 'frozen', timeout: 20_000, idempotent: true })
  await allSee(agents, { online: true }, 20_000)
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
    const hang = async () => {
      const ms = await msUntilOffline(agents, 'SIGSTOP', 8_000)
      for (let i = 0; i < 10; i++) {
        const { name } = await agents[0].ask('host.info', {}, { timeout: 20_000, idempotent: true })
        expect(name).not.toBe('frozen')
      }
      frozen.child.kill('SIGCONT')
      await allSee(agents, { online: true }, 30_000)
      return ms
    }
    expect(await quickest(8_000, hang)).toBeLessThan(8_000)
  })

  test('that stops for 3 s is offline for none', async () => {
    const agents = await observers(relay)
    let disturbed = true
    for (let tries = 0; tries < 12 && disturbed; tries++) disturbed = await isDisturbedByPause(agents)
    expect(disturbed).toBe(false)
  })

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
  })
})
