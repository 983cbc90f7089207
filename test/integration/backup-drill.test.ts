/** The machine of the control plane is lost, and its backup is restored into an empty folder: the fleet keeps working. */
import { hostService, type Agent } from '@agent-mesh/agent'
import { restoreBackup, writeBackup } from '@agent-mesh/lambdas'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { adminOf, LocalMesh } from '../support/local-mesh.ts'

type Caller = Agent<readonly [typeof hostService]>

let mesh: LocalMesh
const agents: Caller[] = []
const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 50 })

beforeAll(async () => {
  mesh = await LocalMesh.start()
  await mesh.relay('relay-1')
  for (let i = 1; i <= 5; i++)
    agents.push(await mesh.agent({ name: `agent-${i}`, contracts: [hostService] as const }))
  for (const agent of agents) await until(() => expect(agent.peers()).toHaveLength(5))
})
afterAll(() => mesh.stop())

const everyoneCalls = () =>
  Promise.all(
    agents.map((agent, i) => {
      const { peerId } = agents[(i + 1) % agents.length] ?? agent
      return agent.call('host.info', {}, { peer: peerId, timeout: 20_000 })
    }),
  )

test('five agents call on, accept the restored mesh, and take in a new member', async () => {
  const backup = join(mesh.folder, 'mesh.backup')
  const { meshId } = await writeBackup(mesh.controlPlane.backup(), backup)
  const data = mesh.data('control-plane')
  await mesh.stopControlPlane()
  await rm(data, { recursive: true })
  expect(await everyoneCalls()).toHaveLength(5)

  const store = { kind: 'sqlite', file: join(data, 'control-plane.db') } as const
  expect(await restoreBackup({ file: backup, data, store })).toMatchObject({ meshId })
  const startedAt = Date.now()
  await mesh.restartControlPlane()
  for (const agent of agents)
    await until(async () => {
      const [, number] = /head_number\{part="policy"\} (\S+)$/m.exec(await agent.metrics()) ?? []
      expect(Number(number)).toBeGreaterThanOrEqual(startedAt)
      expect(agent.status().warnings).toEqual([])
    })
  const sixth = await mesh.agent({ name: 'agent-6' })
  for (const agent of agents)
    await until(() => agent.call('host.info', {}, { peer: sixth.peerId, timeout: 2_000 }))
  expect(await everyoneCalls()).toHaveLength(5)
  const { members } = await (await adminOf(mesh.controlPlane)).members({})
  expect(members).toHaveLength(7)
})
