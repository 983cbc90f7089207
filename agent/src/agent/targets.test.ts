import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { MeshError, type RelayEntry } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { deadAddr, testTargets, type TestTargets } from './testing/test-targets.ts'

let kit: TestTargets
let network: TestTargets['network']
let documents: TestMesh
let head: TestTargets['head']
let map: TestTargets['map']
let presence: TestTargets['presence']
let registry: TestTargets['registry']
let agent: TestTargets['agent']
let targets: TestTargets['targets']
let edge: TestMember

beforeEach(async () => {
  documents = await TestMesh.create()
  kit = await testTargets(documents)
  ;({ network, head, map, presence, registry, agent, targets } = kit)
  edge = await documents.member({ name: 'edge-7' })
  await kit.know(edge)
})
afterEach(() => kit.stop())

describe('Targets', () => {
  test('names those whose records list the service, and this agent when it serves it', () => {
    presence.from('relay-1')
    const offline = { good: [], doubtful: [], offline: [edge.peerId] }
    expect(targets.providers('math')).toEqual(offline)
    expect(targets.providers('math@2')).toEqual(offline)
    const end = registry.serve({ name: 'math', version: 2, methods: {} }, {})
    expect(targets.providers('math@2')).toEqual({ ...offline, good: [agent.peerId] })
    end()
    expect(targets.providers('math@2')).toEqual(offline)
    expect(targets.providers('text')).toEqual({ ...offline, offline: [] })
    registry.serve({ name: 'text', version: 1, methods: {} }, {})()
    expect(targets.providers('text').lately).toBeUndefined()
    const endText = registry.serve({ name: 'text', version: 1, methods: {} }, {})
    expect(targets.providers('text').good).toEqual([agent.peerId])
    endText()
    expect(targets.providers('text')).toEqual({ good: [], doubtful: [], offline: [], lately: true })
  })

  test('finds a member by name and by peer id', () => {
    expect([targets.find('edge-7'), targets.find(edge.peerId)]).toEqual([edge.peerId, edge.peerId])
    expect(targets.find('nobody')).toBeUndefined()
    expect(targets.nameOf(edge.peerId)).toBe('edge-7')
  })

  test('sorts who serves a method by what is believed of it, as soon as that changes', async () => {
    const standing = () => {
      const { good, doubtful, offline } = targets.providers('math')
      return [good, doubtful, offline].map(({ length }) => length)
    }
    expect(standing()).toEqual([0, 1, 0])
    const relay = presence.from('relay-1')
    expect(standing()).toEqual([0, 0, 1])
    relay.tell({ full: true, up: [edge.peerId], down: [] })
    expect(standing()).toEqual([1, 0, 0])
    relay.tell({ full: false, up: [], down: [edge.peerId] })
    expect(standing()).toEqual([0, 0, 1])
    await kit.know(await documents.member({ name: 'edge-8' }))
    expect(standing()).toEqual([0, 0, 2])
    relay.end()
    expect(standing()).toEqual([0, 2, 0])
  })

  test('works the providers out again only when something has changed', async () => {
    const looked = vi.spyOn(map, 'providers')
    for (let i = 0; i < 100; i++) targets.providers('math')
    expect(looked.mock.calls.length).toBeLessThanOrEqual(2)
    const before = looked.mock.calls.length
    presence.from('relay-1').tell({ full: true, up: [edge.peerId], down: [] })
    for (let i = 0; i < 100; i++) targets.providers('math')
    expect(looked.mock.calls.length - before).toBeLessThanOrEqual(2)
    expect(targets.providers('math')).toBe(targets.providers('math'))
  })

  test('doubts a member whose lease says online and that was not reached, until there is a link', async () => {
    const peer = await network.join('peer')
    const relays: RelayEntry[] = [{ peerId: peer.peerId, name: 'peer', addrs: [await deadAddr()] }]
    await head.accept(await documents.head({ relays, numbers: { relays: 2 } }))
    vi.spyOn(map, 'providers').mockReturnValue([{ peerId: peer.peerId } as never])
    presence.from('relay-1').tell({ full: true, up: [peer.peerId], down: [] })
    expect(targets.providers('x')).toMatchObject({ good: [peer.peerId], doubtful: [] })
    const deadline = performance.now() + 5_000
    expect(await refusal(Promise.resolve(targets.callee(peer.peerId, { deadline })))).toMatch(/^unavailable/)
    expect(targets.providers('x')).toMatchObject({ good: [], doubtful: [peer.peerId] })
    const link = await agent.connect({ peerId: peer.peerId, addrs: peer.addresses(), relays: [] })
    expect(targets.providers('x')).toMatchObject({ good: [peer.peerId], doubtful: [] })

    agent.links.suspect(link)
    expect(targets.providers('x')).toMatchObject({ good: [], doubtful: [peer.peerId] })
    agent.links.trust(link)
    expect(targets.providers('x')).toMatchObject({ good: [peer.peerId], doubtful: [] })
    link.abort(new MeshError('path_lost', 'Cannot keep the link: no sign of life'))
    await vi.waitFor(() => expect(targets.providers('x')).toMatchObject({ doubtful: [peer.peerId] }), 20_000)
  })

  test('knows the callee at once where a link stands, until its peer takes no new calls on it', async () => {
    const peer = await network.join('peer')
    const link = await agent.connect({ peerId: peer.peerId, addrs: peer.addresses(), relays: [] })
    const options = { deadline: performance.now() + 5_000 }
    const callee = targets.callee(peer.peerId, options)
    expect(callee).not.toBeInstanceOf(Promise)
    expect(targets.callee(peer.peerId, options)).toBe(callee)
    expect(callee).toMatchObject({ path: link.path, usable: true })
    agent.links.suspect(link)
    const doubted = targets.callee(peer.peerId, options)
    expect(doubted).toBeInstanceOf(Promise)
    agent.links.trust(link)
    await Promise.resolve(doubted).catch(() => undefined)
  })

  test.each(['call', 'stream'] as const)('a %s on a link whose dial was given up uses it', async kind => {
    const peer = await network.join('peer')
    const link = await agent.connect({ peerId: peer.peerId, addrs: peer.addresses(), relays: [] })
    link.unasked = true
    const callee = await targets.callee(peer.peerId, { deadline: performance.now() + 5_000 })
    void callee[kind]!('math.add', 1).catch(() => undefined)
    expect(link.unasked).toBe(false)
  })

  test('looks for another link, once, before it takes a circuit whose relay leaves', async () => {
    const peer = await network.join('peer')
    const circuit = await agent.connect({ peerId: peer.peerId, addrs: peer.addresses(), relays: [] })
    const options = { deadline: performance.now() + 60_000 }
    const before = targets.callee(peer.peerId, options)
    circuit.markDisplaced()
    const connect = vi.spyOn(agent, 'connect')
    // The map knows no way to it: the dial fails at once.
    for (let calls = 0; calls < 2; calls++) {
      const sought = targets.callee(peer.peerId, options)
      expect(sought).toBeInstanceOf(Promise)
      expect(await sought).toBe(before)
    }
    const lasting = connect.mock.calls.filter(([, how]) => how?.lasting === true)
    expect(lasting.map(([{ peerId }]) => peerId)).toEqual([peer.peerId])
  })

  test('answers for itself without a link', async () => {
    expect(await targets.callee(agent.peerId, { deadline: performance.now() + 1000 })).toBe(kit.self)
  })

  test('says at once that nobody knows a member', async () => {
    const stranger = await documents.member()
    const refused = await refusal(targets.link(stranger.peerId, {}))
    expect(refused).toMatch(/^unavailable: .*the map does not know it/)
  })

  test('reaches a relay by the addresses of the head, before any map names it', async () => {
    const relay = await network.join('relay-1')
    const entry: RelayEntry = { peerId: relay.peerId, name: 'relay-1', addrs: relay.addresses() }
    await head.accept(await documents.head({ relays: [entry], numbers: { relays: 2 } }))
    expect((await targets.link(relay.peerId, {})).peer.peerId).toBe(relay.peerId)
  })

  test('tells a dial to a silent address where the member is by now, and only dials to whom that changed', async () => {
    const silent = await silentAddr()
    const relay = await network.join('relay-1')
    const at = (addrs: string[], relays: number) =>
      documents.head({ relays: [{ peerId: relay.peerId, name: 'relay-1', addrs }], numbers: { relays } })
    await head.accept(await at([silent], 2))
    const link = targets.link(relay.peerId, {})
    await head.accept(await at([silent, ...relay.addresses()], 3))
    const dialled = vi.spyOn(agent.dials, 'learn')
    targets.refresh(new Set([edge.peerId]))
    expect(dialled).not.toHaveBeenCalled()
    targets.refresh(new Set([relay.peerId]))
    expect((await link).remoteAddr).toContain(relay.addresses()[0])
  })
})

/** A listener that accepts and sends nothing. */
async function silentAddr(): Promise<string> {
  const server = createServer(socket => void socket.resume().on('error', () => {})).unref()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
}
