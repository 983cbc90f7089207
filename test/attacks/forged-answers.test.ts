/** An attacker between a member and a control plane without TLS, who answers in its place. */
import type { Agent } from '@agent-mesh/agent'
import { formatJoinToken, MeshError, parseJoinToken } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { attackedMesh, type AttackedMesh } from '../support/attacked-mesh.ts'
import { startForgingProxy, type ForgingProxy } from '../support/forging-proxy.ts'

let mesh: AttackedMesh
let between: ForgingProxy
let agent: Agent

beforeAll(async () => {
  mesh = await attackedMesh()
  between = await startForgingProxy(mesh.plane.url)
  // Before anything of this member reached the control plane.
  between.forge((method, path) => {
    if (method === 'PUT' && path === '/v1/members/self')
      return new MeshError('revoked', 'Cannot accept request: misled was revoked')
    return undefined
  })
  const token = parseJoinToken(await mesh.local.token())
  agent = await mesh.local.agent({ name: 'misled', join: formatJoinToken({ ...token, url: between.url }) })
})
afterAll(async () => {
  await between.stop()
  await mesh.local.stop()
})

const inTheMap = async () => (await mesh.ask(mesh.admin, 'GET', `/v1/members/${agent.peerId}`)).status === 200

describe('a forged answer that a member was revoked', () => {
  test('is not believed without the signed list: the member tries on, and says what is wrong', async () => {
    await vi.waitFor(() => expect(between.forged.length).toBeGreaterThan(1), { timeout: 20_000 })
    const { ready, warnings, revoked } = agent.status()
    expect({ ready, revoked }).toEqual({ ready: true, revoked: false })
    expect(warnings.join()).not.toMatch(/this member was revoked/)
    expect(warnings.join()).toMatch(/says revoked, but its signed list, .* does not name this member/)
    expect(await inTheMap()).toBe(false)
  })

  test('does not silence it: it is in the map when the forger is gone', async () => {
    between.forge(() => undefined)
    await vi.waitFor(async () => expect(await inTheMap()).toBe(true), { timeout: 30_000, interval: 50 })
    // The map has its record before the answer to that record has reached the member.
    await vi.waitFor(() => expect(agent.status().warnings.join()).not.toMatch(/revoked|member record/), {
      timeout: 20_000,
      interval: 20,
    })
  })

  test('is believed when it is true: the member stops, and says that it is revoked', async () => {
    await mesh.ask(mesh.admin, 'POST', '/v1/revocations', { body: { peerId: agent.peerId } })
    const serving = agent.serve({ contract: { name: 'late', version: 1, methods: {} }, handlers: {} })
    await vi.waitFor(() => expect(agent.status().revoked).toBe(true), { timeout: 20_000, interval: 20 })
    serving()
    const { ready, controlPlane } = agent.status()
    expect(ready).toBe(false)
    expect(controlPlane?.reachable).toBe(true)
    // The list may reach it before the answer to its record; then it asks no more.
    expect(['revoked', undefined]).toContain(controlPlane?.refused)
    expect(agent.status().warnings[0]).toMatch(/^this member was revoked/)
  })
})
