/** Real links over loopback; the map is the test's. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import type { MapChange } from '@agent-mesh/protocol'
import { formatMapCursor, MeshError, shardOf, type RelayEntry } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh as Documents, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { headKeeper, type HeadKeeper } from '../membership/head-keeper.ts'
import { openMemberStore, type MemberStore } from '../membership/member-store.ts'
import { openMeshMap, type MeshMap } from '../membership/mesh-map.ts'
import { Belief } from '../membership/belief.ts'
import { Presence } from '../membership/presence.ts'
import { Verdicts } from '../membership/verdicts.ts'
import { systemClock } from '../observe/clock.ts'
import { createLogger } from '../observe/logger.ts'
import { TimerWheel, TurnQueue } from '../rpc/index.ts'
import { ServiceRegistry } from '../services/index.ts'
import { TestTransports } from '../transport/testing/test-transports.ts'
import type { Transport } from '../transport/transport.ts'
import type { Member } from '../member/member.ts'
import { RpcSessions } from '../paths/rpc-sessions.ts'
import { Targets } from './targets.ts'

const log = createLogger('test', 'silent')

let network: TestTransports
let documents: Documents
let store: MemberStore
let head: HeadKeeper
let map: MeshMap
let presence: Presence
let registry: ServiceRegistry
let wheel: TimerWheel
let agent: Transport
let targets: Targets
let edge: TestMember

const self = { call: () => Promise.resolve('answered here') }

beforeEach(async () => {
  network = await TestTransports.create()
  documents = await Documents.create()
  store = openMemberStore(':memory:')
  head = await headKeeper({ meshId: documents.meshId, store, log })
  await head.accept(await documents.head())
  map = await openMeshMap({ store, head, log, clock: systemClock })
  edge = await documents.member({ name: 'edge-7' })
  await know(edge)
  const onError = (error: unknown) => {
    throw error
  }
  presence = new Presence(onError)
  registry = new ServiceRegistry()
  wheel = new TimerWheel()
  agent = await network.join('agent')
  const sessions = new RpcSessions({ wheel, turns: new TurnQueue(wheel), handlerFor: () => () => undefined })
  const belief = new Belief({
    self: agent.peerId,
    links: agent.links,
    presence,
    verdicts: new Verdicts(() => 0, onError),
    heardAt: () => 0,
    now: () => performance.now(),
    onError,
  })
  const member = {
    belief,
    clock: systemClock,
    presence,
    map,
    head,
    transport: agent,
    identity: { peerId: agent.peerId },
    credential: { claims: { name: 'self' } },
    serving: { registry, sessions },
  } as unknown as Member
  targets = new Targets({ member, paths: 'any', self: self as never, usesRelay: () => true })
})
afterEach(async () => {
  await network.stop()
  wheel.stop()
  store.close()
})

async function know(member: TestMember, record: Parameters<TestMember['record']>[0] = {}): Promise<void> {
  const change: MapChange = {
    shard: await shardOf(member.peerId),
    v: 1,
    peerId: member.peerId,
    record: await member.record(record),
    credential: await member.credential(),
  }
  const next = formatMapCursor({ epoch: member.peerId.slice(-8), v: new Array<number>(16).fill(1) })
  await map.apply({ changes: [change], next, more: false })
}

/** A member that has neither an address nor a relay. */
async function unreachable(): Promise<TestMember> {
  const member = await documents.member({ name: 'edge-8' })
  await know(member, { addrs: [] })
  return member
}

const notLinked = ({ peerId }: TestMember): Promise<MeshError> =>
  targets.link(peerId, {}).then(
    () => expect.fail('linked'),
    (error: unknown) => error as MeshError,
  )

test('a member that is offline is told as offline, with the time it was last seen, whatever its dial failed with', async () => {
  const away = await unreachable()
  const relay = presence.from('relay-1')
  relay.tell({ full: true, up: [away.peerId], down: [] })
  const reported = Date.now()
  relay.tell({ full: false, up: [], down: [away.peerId] })
  const error = await notLinked(away)
  expect(error).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(
      /^Cannot connect to edge-8: it is offline, last seen \d{4}-.*Z$/,
    ) as string,
  })
  const { lastSeen } = error.details as { lastSeen: string }
  expect(Math.abs(Date.parse(lastSeen) - reported)).toBeLessThan(60_000)
})

test('a member of which no relay reports is not told as offline', async () => {
  const error = await notLinked(await unreachable())
  expect(error.message).toBe('Cannot connect to edge-8: it has no address and no relay')
})

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
    await know(await documents.member({ name: 'edge-8' }))
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
    expect(await targets.callee(agent.peerId, { deadline: performance.now() + 1000 })).toBe(self)
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

/** Nothing listens there. */
async function deadAddr(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `/ip4/127.0.0.1/tcp/${port}`
}

/** A listener that accepts and sends nothing. */
async function silentAddr(): Promise<string> {
  const server = createServer(socket => void socket.resume().on('error', () => {})).unref()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
}
