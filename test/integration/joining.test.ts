import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { adminOf, LocalMesh, loopback } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

const tokens = async () => (await (await adminOf(mesh.controlPlane)).tokens()).tokens
/** Tokens of agents that are used up. */
const used = async () =>
  (await tokens()).filter(({ roles, left }) => roles.includes('agent') && left === 0).length

describe('an enrolled data folder starts from its disk', () => {
  test('with the token that it used up', async () => {
    const join = await mesh.token({ uses: 1 })
    const first = await mesh.agent({ name: 'a', join })
    await first.stop()
    const again = await mesh.agent({ name: 'a', join })
    expect(again.peerId).toBe(first.peerId)
  })

  test('with its token while the control plane is down', async () => {
    const join = await mesh.token({ uses: 5 })
    await (await mesh.agent({ name: 'a', join })).stop()
    await mesh.stopControlPlane()
    const again = await mesh.agent({ name: 'a', join })
    expect(again.name).toBe('a')
    await mesh.restartControlPlane()
  })

  test('with a token of another member that is used up, or that was never one of this mesh', async () => {
    await (await mesh.agent({ name: 'a' })).stop()
    const spent = await mesh.token({ uses: 1 })
    await mesh.agent({ name: 'b', join: spent })
    const again = await mesh.agent({ name: 'a', join: spent })
    expect(again.name).toBe('a')
    await again.stop()
    expect((await mesh.agent({ name: 'a', join: 'garbage' })).name).toBe('a')
  })

  test('and a fresh token enrols it anew', async () => {
    const first = await mesh.agent({ name: 'a' })
    await first.stop()
    const again = await mesh.agent({ name: 'a', join: await mesh.token({ tags: ['rack-2'] }) })
    expect(again.peerId).toBe(first.peerId)
    expect(await used()).toBe(2)
  })
})

describe('a join', () => {
  test('waits for a control plane that is not there yet', async () => {
    const join = await mesh.token()
    await mesh.stopControlPlane()
    let settled = false
    const joining = mesh.agent({ name: 'a', join, wait: true }).finally(() => (settled = true))
    await vi.waitFor(() => expect(existsSync(mesh.data('a'))).toBe(true), 20_000)
    expect(settled).toBe(false)
    await mesh.restartControlPlane()
    expect((await joining).name).toBe('a')
  })

  test('that waits ends when it is told to, and leaves no member behind', async () => {
    const join = await mesh.token()
    await mesh.stopControlPlane()
    const stopping = new AbortController()
    const joining = refusal(mesh.agent({ name: 'a', join, wait: true, signal: stopping.signal }))
    await vi.waitFor(() => expect(existsSync(`${mesh.data('a')}/identity.json`)).toBe(true), 20_000)
    stopping.abort()
    expect(await joining).toMatch(/^cancelled/)
    expect(existsSync(mesh.data('a'))).toBe(false)
    await mesh.restartControlPlane()
  })

  test('does not wait for a token to become good', async () => {
    const join = await mesh.token({ uses: 1 })
    await mesh.agent({ name: 'a', join })
    expect(await refusal(mesh.agent({ name: 'b', join, wait: true }))).toMatch(/^token_invalid/)
  })

  test.each(['used up', 'no token at all'])(
    'that fails because its token is %s leaves no half of a member',
    async what => {
      const join = what === 'used up' ? await mesh.token({ uses: 1 }) : 'garbage'
      if (what === 'used up') await mesh.agent({ name: 'a', join })
      expect(await refusal(mesh.agent({ name: 'b', join }))).toMatch(/^token_invalid/)
      const left = existsSync(mesh.data('b')) ? await readdir(mesh.data('b')) : []
      expect(left.filter(name => !name.startsWith('lock'))).toEqual([])
    },
  )

  test('costs no token when the agent cannot listen where it is told to', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const join = await mesh.token({ uses: 1 })
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    expect(await refusal(mesh.agent({ name: 'a', join, listen }))).toMatch(/^conflict: Cannot listen on/)
    expect(await refusal(mesh.agent({ name: 'a', join, listen: ['/ip4/192.0.2.1/tcp/0'] }))).toMatch(
      /^invalid_argument: .*no such address/,
    )
    expect(await used()).toBe(0)
    taken.close()
    await mesh.agent({ name: 'a', join, listen: [loopback] })
    expect(await used()).toBe(1)
  })
})
