import type { Agent } from '@agent-mesh/agent'
import { createSocket } from 'node:dgram'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { LocalMesh } from '../support/local-mesh.ts'

const meshes: LocalMesh[] = []
afterEach(() => Promise.all(meshes.splice(0).map(mesh => mesh.stop())))

let port: number
/** Why multicast does not work on loopback of this machine. */
let broken: string | undefined
beforeAll(async () => {
  port = await freePort()
  broken = await multicastFailure(port)
  if (broken !== undefined) console.warn(`skipped: no multicast on loopback here: ${broken}`)
})
afterAll(() => expect(broken === undefined || process.env['CI'] === undefined).toBe(true))

const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 })
const names = (agent: Agent) => agent.peers().map(({ name }) => name)

async function lanMesh(): Promise<LocalMesh> {
  const mesh = await LocalMesh.start()
  meshes.push(mesh)
  return mesh
}
const loopback = () => ({ mdns: { port, interfaces: ['lo'] } })

describe('agents on a LAN, with the control plane and all relays gone', () => {
  test('find each other again wherever they listen now', async context => {
    if (broken !== undefined) return context.skip(broken)
    const mesh = await lanMesh()
    const relay = await mesh.relay('relay-1')
    const before = [await mesh.agent({ name: 'a' }), await mesh.agent({ name: 'b' })] as const
    await until(() => expect(names(before[0])).toContain('b'))
    await until(() => expect(names(before[1])).toContain('a'))
    await mesh.stopControlPlane()
    await relay.stop()
    await Promise.all(before.map(agent => agent.stop()))
    // New ports: the addresses in the map on disk are useless.
    const a = await mesh.startAgent({ name: 'a', ...loopback() })
    const b = await mesh.startAgent({ name: 'b', ...loopback() })
    await until(() => expect(a.peers().find(({ name }) => name === 'b')).toMatchObject({ path: 'direct' }))
    expect(await b.ask('host.info', {}, { peer: 'a' })).toMatchObject({ path: 'direct' })
    await mesh.restartControlPlane()
  })

  test('meet members that their maps do not know, and remember them', async context => {
    if (broken !== undefined) return context.skip(broken)
    const mesh = await lanMesh()
    const first = await mesh.agent({ name: 'a' })
    await first.stop()
    const second = await mesh.agent({ name: 'b' })
    await second.stop()
    await mesh.stopControlPlane()
    const a = await mesh.startAgent({ name: 'a', ...loopback() })
    expect(names(a)).not.toContain('b')
    const b = await mesh.startAgent({ name: 'b', ...loopback() })
    await until(() => expect(names(a)).toContain('b'))
    expect(await a.ask('host.info', {}, { peer: 'b' })).toMatchObject({ peerId: b.peerId, path: 'direct' })
    await Promise.all([a.stop(), b.stop()])
    const again = await mesh.startAgent({ name: 'a' })
    expect(names(again)).toContain('b')
    await mesh.restartControlPlane()
  })

  test('of another mesh do not meet', async context => {
    if (broken !== undefined) return context.skip(broken)
    const [one, other] = [await lanMesh(), await lanMesh()]
    const [a, b] = [
      await one.agent({ name: 'a', ...loopback() }),
      await one.agent({ name: 'b', ...loopback() }),
    ]
    const c = await other.agent({ name: 'c', ...loopback() })
    await until(() => expect(names(a)).toContain('b'))
    await until(() => expect(names(b)).toContain('a'))
    expect([...names(a), ...names(b)]).not.toContain('c')
    expect(names(c)).toEqual([])
    expect(c.status().links).toEqual({ direct: 0, webrtc: 0, relay: 0 })
  })
})

/** Sends itself a packet to the group. @returns why that failed */
async function multicastFailure(on: number): Promise<string | undefined> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const timer = setTimeout(() => resolve('a packet to the group did not come back'), 20_000)
  socket.on('error', error => resolve(error.message))
  socket.on('message', () => resolve(undefined))
  socket.bind(on, '0.0.0.0', () => {
    try {
      socket.addMembership('224.0.0.251', '127.0.0.1')
      socket.setMulticastInterface('127.0.0.1')
      socket.send('x', on, '224.0.0.251')
    } catch (error) {
      resolve(String(error))
    }
  })
  const failure = await promise
  clearTimeout(timer)
  socket.close()
  return failure
}
