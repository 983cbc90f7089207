/** One host that opens as many connections to a listener as it can, and completes no handshake. */
import type { Agent } from '@agent-mesh/agent'
import type { Relay } from '@agent-mesh/relay'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { attackedMesh, doorOf, type AttackedMesh, type Insider } from '../support/attacked-mesh.ts'
import { loopback } from '../support/local-mesh.ts'
import { stranger, type Door, type Stranger } from '../support/stranger.ts'
import { msOf, quickest } from '../support/quickest.ts'

let mesh: AttackedMesh
let relay: Relay
let agent: Agent
let insider: Insider
let member: Stranger
const doors: Record<'agent' | 'relay' | 'web', Door> = {
  agent: { peerId: '', addr: '' },
  relay: { peerId: '', addr: '' },
  web: { peerId: '', addr: '' },
}
const crowd = new Set<Socket>()
/** How long each connection of a third address stayed, ms, from the first test to the last. */
const mute = new Set<Socket>()
const stayed: number[] = []

beforeAll(async () => {
  mesh = await attackedMesh()
  relay = await mesh.local.relay('relay')
  agent = await mesh.local.agent({ name: 'agent', listen: [loopback, `${loopback}/ws`] })
  doors.agent = doorOf(agent)
  doors.web = { peerId: agent.peerId, addr: agent.status().addrs.find(addr => addr.endsWith('/ws')) ?? '' }
  doors.relay = { peerId: relay.peerId, addr: relay.addresses[0] ?? '' }
  insider = await mesh.insider()
  member = await stranger(insider)
  await Promise.all(Object.values(doors).map(door => come(8, door, '127.0.0.3', '', mute)))
  expect(mute.size).toBe(24)
})
afterEach(() => {
  for (const socket of crowd) socket.destroy()
})
afterAll(async () => {
  await member.stop()
  await mesh.local.stop()
})

/** Negotiates TLS, and sends none. */
const halfWord = '\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n'

/** Resolves when so many are connected to a listener, or were refused. */
async function come(
  count: number,
  { addr }: Door,
  from: string,
  word = '',
  among: Set<Socket> = crowd,
): Promise<void> {
  const began = performance.now()
  const [, , host = '', , port = ''] = addr.split('/')
  const stand = Array.from({ length: count }, async () => {
    const socket = connect({ host, port: Number(port), localAddress: from })
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.on('connect', () => socket.write(word, () => resolve()))
    socket.on('error', () => resolve())
    socket.on('close', () => {
      among.delete(socket)
      if (among === mute) stayed.push(performance.now() - began)
    })
    among.add(socket.resume())
    await promise
  })
  await Promise.all(stand)
}

/** The member says its hello, or opens a WebSocket, at a listener. Rejects unless it is accepted. */
async function enter(who: keyof typeof doors): Promise<void> {
  const door = doors[who]
  if (who === 'web') return openWebSocket(door)
  const visit = await member.visit(door)
  const hello = { versions: [1], credential: insider.credential, record: await insider.record() }
  expect(await visit.hello(hello)).toHaveProperty('credential')
  visit.connection.abort(new Error('done'))
}

async function openWebSocket({ addr }: Door): Promise<void> {
  const [, , host = '', , port = ''] = addr.split('/')
  const socket = new WebSocket(`ws://${host}:${port}/`)
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  socket.addEventListener('open', resolve)
  socket.addEventListener('error', reject)
  await promise
  socket.close()
}

describe.each(['agent', 'relay', 'web'] as const)(
  '200 connections of one host at the door of the %s',
  who => {
    test.each([
      ['that say nothing', ''],
      ['that stop in the middle of a handshake', who === 'web' ? 'GET / HTTP/1.1\r\nhost: ' : halfWord],
    ])('%s do not keep out a member that comes from elsewhere', async (_, word) => {
      await come(200, doors[who], '127.0.0.2', word)
      expect(crowd.size).toBeGreaterThan(16)
      expect(await quickest(1_000, () => msOf(() => enter(who)))).toBeLessThan(1_000)
    })

    test('that say nothing do not keep out a member behind the same address that tries for a second', async () => {
      const trying = () => vi.waitFor(() => enter(who), { timeout: 20_000, interval: 50 })
      const beside = async () => {
        for (const socket of crowd) socket.destroy()
        await come(200, doors[who], '127.0.0.1')
        expect(crowd.size).toBeGreaterThan(16)
        return msOf(trying)
      }
      expect(await quickest(1_000, beside)).toBeLessThan(1_000)
    })
  },
)

test('who says nothing for five seconds is turned away', async () => {
  await vi.waitFor(() => expect(mute.size).toBe(0), { timeout: 20_000, interval: 50 })
  expect(Math.min(...stayed)).toBeGreaterThan(4_500)
})
