/** A control plane whose database was restored from a backup older than what its members know. */
import { controlPlaneClient, defineService, hostService, loadIdentity, type Agent } from '@agent-mesh/agent'
import type { Policy } from '@agent-mesh/protocol'
import type { Relay } from '@agent-mesh/relay'
import { copyFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

/** What a member begins to serve after the backup. */
const newService = defineService({
  name: 'new',
  version: 1,
  methods: { answer: { params: z.object({}), result: z.number() } },
})
type Caller = Agent<readonly [typeof hostService]>

/** Pushed within a second; generous, as the machine may be busy. */
const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 50 })

const numberOf = async (member: Pick<Agent, 'metrics'>, part: string): Promise<number> =>
  Number(
    new RegExp(`^agent_mesh_head_number\\{part="${part}"\\} (\\S+)$`, 'm').exec(await member.metrics())?.[1],
  )

/** Calls without a pause until stopped. @returns how many calls there were; throws when one failed */
function calling(from: Caller, to: Agent): () => Promise<number> {
  let on = true
  const done = (async () => {
    let calls = 0
    for (; on; calls++) {
      await from.call('host.info', {}, { peer: to.peerId, timeout: 20_000 })
      await new Promise(resolve => setImmediate(resolve))
    }
    return calls
  })()
  done.catch(() => undefined)
  return () => {
    on = false
    return done
  }
}

describe('a restored database', () => {
  let mesh: LocalMesh
  let relay: Relay
  let a: Caller
  let b: Agent
  let revoked: Agent
  let late: Agent
  let end: () => Promise<number>

  const admin = async () => {
    const { adminIdentityFile, url, meshId } = mesh.controlPlane
    const { signer } = await loadIdentity(dirname(adminIdentityFile), basename(adminIdentityFile))
    return controlPlaneClient({ url, meshId, signer })
  }
  const providersOfNew = async () =>
    (await (await admin()).members({ service: 'new' })).members.map(({ peerId }) => peerId)
  /** Replaces the policy in force. */
  const writePolicy = async (edit: (policy: Policy) => Policy): Promise<number> => {
    const { number, policy } = await (await admin()).policy()
    return (await (await admin()).writePolicy({ policy: edit(policy), expected: number })).number
  }
  const database = (name = 'control-plane.db') => join(mesh.data('control-plane'), name)
  const members = () => [a, b, relay]
  const allKnow = (part: string, check: (number: number) => void) =>
    until(async () => {
      for (const member of members()) check(await numberOf(member, part))
    })
  const restore = async () => {
    await mesh.stopControlPlane()
    for (const ending of ['-wal', '-shm']) await rm(database(`control-plane.db${ending}`), { force: true })
    await copyFile(database('backup.db'), database())
  }

  beforeAll(async () => {
    mesh = await LocalMesh.start()
    relay = await mesh.relay('relay-1')
    a = await mesh.agent({ name: 'a', contracts: [hostService] })
    b = await mesh.agent({ name: 'b' })
    revoked = await mesh.agent({ name: 'revoked' })
    for (const agent of [a, b, revoked]) await until(() => expect(agent.status().relays).toHaveLength(1))
    await until(() => a.call('host.info', {}, { peer: b.peerId }))
    // Closed, the file holds everything.
    await mesh.stopControlPlane()
    await copyFile(database(), database('backup.db'))
    await mesh.restartControlPlane()

    end = calling(a, b)
    for (let writes = 0; writes < 3; writes++)
      await writePolicy(({ grants, tests }) => ({
        grants: [...grants, { from: [`role:later-${writes}`], to: ['service:*'], allow: ['call'] }],
        tests,
      }))
    await (await admin()).revoke({ name: 'revoked' })
    late = await mesh.agent({ name: 'late' })
    b.serve({ contract: newService, handlers: { answer: () => 42 } })
    await until(async () => expect(await providersOfNew()).toEqual([b.peerId]))
    await until(() => expect(late.status().warnings).toEqual([]))
    await allKnow('policy', number => expect(number).toBe(4))
    await allKnow('revocations', number => expect(number).toBe(2))
    await until(() => expect(b.peers().map(({ name }) => name)).toContain('late'))
    await restore()
  })
  afterAll(() => mesh.stop())

  test('is taken up by members without being touched: head and map are those of the backup', async () => {
    const startedAt = Date.now()
    await mesh.restartControlPlane({ restored: true })
    const { numbers, lastEntryAt } = mesh.controlPlane.restored ?? {}
    expect(lastEntryAt).toBeLessThan(startedAt)
    for (const part of ['relays', 'policy', 'revocations'] as const) {
      expect(numbers?.[part]).toBeGreaterThanOrEqual(startedAt)
      await allKnow(part, number => expect(number).toBeGreaterThanOrEqual(startedAt))
    }
    expect(await numberOf(a, 'keys')).toBe(1)
    await until(() => expect(b.peers().map(({ name }) => name)).not.toContain('late'))
  })

  test('binds members by its policy, and a policy written then reaches them', async () => {
    const info = () => refusal(a.call('host.info', {}, { peer: b.peerId, timeout: 5_000 }))
    const before = await numberOf(a, 'policy')
    expect((await (await admin()).policy()).policy.grants).toHaveLength(2)
    expect(await end()).toBeGreaterThan(20)
    const number = await writePolicy(({ grants, tests }) => ({ grants: grants.slice(1), tests }))
    expect(number).toBe(before + 1)
    await allKnow('policy', known => expect(known).toBe(number))
    await until(async () => expect(await info()).toMatch(/^permission_denied: /))
    const mayCall = { from: ['role:agent'], to: ['service:*'], allow: ['call' as const] }
    await writePolicy(({ grants, tests }) => ({ grants: [mayCall, ...grants], tests }))
    await until(async () => expect(await info()).toBe('accepted'))
    end = calling(a, b)
  })

  test('is told again what members say of themselves, and tells who joined after it to join again', async () => {
    await until(async () => expect(await providersOfNew()).toEqual([b.peerId]))
    await until(() =>
      expect(late.status().warnings.join()).toMatch(/is not a member of this mesh \(Join with a new token/),
    )
    const { signer } = await loadIdentity(mesh.data('late'))
    const { url, meshId } = mesh.controlPlane
    const renewal = controlPlaneClient({ url, meshId, signer }).renew()
    expect(await refusal(renewal)).toMatch(/^unauthenticated: .*is not a member of this mesh/)
    await late.stop()
    late = await mesh.agent({ name: 'late' })
    await until(() => expect(late.status().warnings).toEqual([]))
    await until(() => a.call('host.info', {}, { peer: late.peerId, timeout: 5_000 }))
    await until(() => expect(b.peers().map(({ name }) => name)).toContain('late'))
  })

  test('may be taken up twice: numbers rise again, and nothing breaks', async () => {
    const before = await numberOf(a, 'policy')
    await mesh.stopControlPlane()
    await mesh.restartControlPlane({ restored: true })
    await allKnow('policy', number => expect(number).toBeGreaterThan(before))
    const fresh = await mesh.agent({ name: 'fresh' })
    await until(() => a.call('host.info', {}, { peer: fresh.peerId, timeout: 5_000 }))
    expect(await end()).toBeGreaterThan(20)
    const { entries } = await (await admin()).audit({ last: 20 })
    expect(entries.filter(({ what }) => what === 'restore')).toHaveLength(2)
  })
})
