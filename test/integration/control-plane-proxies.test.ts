/** A public URL with a path, behind proxies that strip it and proxies that pass it on. */
import { createAgent, type Agent } from '@agent-mesh/agent'
import { startControlPlane, type RunningControlPlane } from '@agent-mesh/lambdas'
import { signRequest } from '@agent-mesh/protocol'
import { createRelay, type Relay } from '@agent-mesh/relay'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loopback, silent } from '../support/local-mesh.ts'
import { testKey } from '../support/mesh-fixture.ts'
import { hasNginx, nginxProxy } from '../support/nginx-proxy.ts'
import { pathProxy, type PathProxy } from '../support/path-proxy.ts'
import { identityOf, secretOf } from './control-plane-fixture.ts'

const proxies = [
  { name: 'that strips the path', make: () => pathProxy('/mesh', true), skip: false },
  { name: 'that passes the path on', make: () => pathProxy('/mesh', false), skip: false },
  { name: 'nginx that strips the path', make: () => nginxProxy('/mesh', true), skip: !hasNginx },
  { name: 'nginx that passes the path on', make: () => nginxProxy('/mesh', false), skip: !hasNginx },
]

describe.each(proxies)('a public URL with a path, behind a proxy $name', ({ make, skip }) => {
  let folder: string
  let proxy: PathProxy
  let plane: RunningControlPlane
  const running: (Agent | Relay)[] = []

  beforeAll(async () => {
    if (skip) return
    folder = await mkdtemp(join(tmpdir(), 'mesh-'))
    proxy = await make()
    plane = await startControlPlane({
      data: join(folder, 'control-plane'),
      listen: { host: '127.0.0.1', port: 0 },
      publicUrl: proxy.url,
      trustProxy: '1',
      log: silent,
    })
    await proxy.setTarget(plane.url)
  })
  afterAll(async () => {
    if (skip) return
    await Promise.all(running.map(member => member.stop()))
    await plane.stop()
    await proxy.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test.skipIf(skip)('a relay joins and watches, agents join and call each other', async () => {
    const token = async (role: string) => (await plane.createToken({ roles: [role] })).token
    const options = { listen: [loopback], log: silent }
    const relay = await createRelay({
      ...options,
      data: join(folder, 'relay'),
      join: await token('relay'),
      name: 'relay',
    })
    running.push(relay)
    const metrics = async () => (await fetch(`${plane.url}/metrics`)).text()
    await vi.waitFor(async () => expect(await metrics()).toContain('agent_mesh_watchers 1'), 20_000)
    const agents = ['a', 'b'].map(async name =>
      createAgent({ ...options, data: join(folder, name), join: await token('agent'), name }),
    )
    const [a] = await Promise.all(agents)
    for (const agent of await Promise.all(agents)) running.push(agent)
    await vi.waitFor(() => expect(a?.peers().map(({ name }) => name)).toContain('b'), 20_000)
    expect(await a?.call('host.info', {}, { peer: 'b' })).toBeDefined()
  })

  test.skipIf(skip)('requests may be signed with the path or without, and with no other', async () => {
    const signer = await identityOf(plane.adminIdentityFile)
    const url = new URL(`${proxy.url}/v1/policy`)
    const asked = async (signed: string) => {
      const parts = { method: 'GET', url: new URL(signed, url), body: new Uint8Array() }
      const authorization = await signRequest(signer, parts, { meshId: plane.meshId, now: Date.now() })
      return (await fetch(url, { headers: { authorization } })).status
    }
    expect(await asked('/v1/policy')).toBe(200)
    expect(await asked('/mesh/v1/policy')).toBe(200)
    expect(await asked('/other/v1/policy')).toBe(401)
    expect(await asked('/mesh/mesh/v1/policy')).toBe(401)
    expect(await asked('/mesh/v1/revocations')).toBe(401)
  })

  test.skipIf(skip)('what operators ask is there, and what is not there says so', async () => {
    const status = async (path: string) => (await fetch(`${proxy.url}${path}`)).status
    expect(await status('/health')).toBe(200)
    expect(await status('/ready')).toBe(200)
    expect(await status('/v1/openapi.json')).toBe(200)
    expect(await status('/v1/nothing')).toBe(404)
    expect((await fetch(`${proxy.url}/v1/map`, { method: 'PATCH' })).status).toBe(405)
  })

  test.skipIf(skip)('strangers behind it are limited by their own addresses', async () => {
    const url = new URL(`${proxy.url}/v1/enrol`)
    const guess = async (address: string) => {
      const { signer } = await testKey()
      const body = new TextEncoder().encode(JSON.stringify({ secret: `${'g'.repeat(42)}A` }))
      const place = { meshId: plane.meshId, now: Date.now() }
      const authorization = await signRequest(
        signer,
        { method: 'POST', url, body },
        { ...place, base: '/mesh' },
      )
      const headers = { authorization, 'x-forwarded-for': address }
      return (await fetch(url, { method: 'POST', headers, body })).status
    }
    // Addresses that the sender wrote precede the one that the proxy saw, and are ignored.
    const statuses = new Set<number>()
    for (let i = 0; i < 20; i++) statuses.add(await guess(`203.0.113.${i}`))
    expect([...statuses]).toEqual([403, 429])
  })
})

test('a token of a control plane with a path carries it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-'))
  const plane = await startControlPlane({
    data: folder,
    listen: { host: '127.0.0.1', port: 0 },
    publicUrl: 'https://example.org/mesh/',
    log: silent,
  })
  const { token } = await plane.createToken({})
  expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).toBe('https://example.org/mesh')
  expect(secretOf(token)).toHaveLength(43)
  await plane.stop()
  await rm(folder, { recursive: true, force: true })
})
