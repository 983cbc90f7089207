/** Real links over loopback: an agent follows the map at a relay. */
import {
  createLogger,
  encodeMessage,
  headKeeper,
  messageStream,
  openMemberStore,
  openMeshMap,
  systemClock,
  type ByteStream,
  type HeadKeeper,
  type Link,
  type MemberStore,
  type MeshMap,
  type Transport,
} from '@agent-mesh/agent'
import { targetOf, TestTransports as Network } from '@agent-mesh/agent/transport/testing/test-transports'
import {
  formatMapCursor,
  mapMessageBytes,
  mapMessageSchema,
  mapProtocol,
  shardOf,
  signHomeClaim,
  type MapChange,
  type MapMessage,
} from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { HomedAgents } from '../presence/homed-agents.ts'
import { MapServer } from './map-server.ts'

const log = createLogger('test', 'silent')
const cursor = (v: number) => formatMapCursor({ epoch: 'one', v: new Array<number>(16).fill(v) })

let network: Network
let documents: TestMesh
let store: MemberStore
let head: HeadKeeper
let map: MeshMap
let homed: HomedAgents
let server: MapServer
let relay: Transport
let agent: Transport
/** What agents reported of their health, by peer id. */
let reported: Map<string, unknown>
let agentSigner: Parameters<typeof signHomeClaim>[0]
let link: Link

beforeEach(async () => {
  network = await Network.create()
  documents = await TestMesh.create()
  store = openMemberStore(':memory:')
  head = await headKeeper({ meshId: documents.meshId, store, log })
  await head.accept(await documents.head())
  map = await openMeshMap({ store, head, log, clock: systemClock })
  await map.apply({ changes: [await pairOf('edge-1', 1)], next: cursor(1), more: false })
  relay = await network.join('relay')
  homed = new HomedAgents({ self: relay.peerId, places: { claimHome: () => {}, releaseHome: () => {} } })
  reported = new Map()
  const health = {
    set: (peerId: string, digest: object) => void reported.set(peerId, digest),
    remove: (peerId: string) => void reported.delete(peerId),
  }
  server = new MapServer({ head, map, store, homed, health, log })
  await relay.handle(mapProtocol, (stream, at) => server.serve(stream, at))
  const member = await network.member('agent')
  agentSigner = member.identity.signer
  agent = await network.start(member)
  link = await agent.connect(targetOf(relay))
})
afterEach(async () => {
  server.stop()
  await network.stop()
  store.close()
})

const until = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 10 })

async function pairOf(name: string, v: number): Promise<MapChange> {
  const member = await documents.member({ name })
  const [record, credential] = await Promise.all([member.record(), member.credential()])
  return { shard: await shardOf(member.peerId), v, peerId: member.peerId, record, credential }
}

/** A stream as an agent opens it. */
async function follow() {
  const stream = await link.openStream(mapProtocol)
  const heard: MapMessage[] = []
  const messages = messageStream({
    stream,
    schema: mapMessageSchema,
    maxBytes: mapMessageBytes,
    onMessage: message => heard.push(message),
  })
  const { promise: over, resolve } = Promise.withResolvers<void>()
  stream.onClose(() => resolve())
  const kinds = () => heard.map(({ type }) => type)
  const changed = () =>
    heard
      .flatMap(message => (message.type === 'changes' ? message.page.changes : []))
      .map(({ peerId }) => peerId)
  return { messages, heard, kinds, changed, over }
}

/** A stream that keeps what it is sent. */
function recording() {
  const sent: Uint8Array[] = []
  let onData: (bytes: Uint8Array) => void = () => {}
  const stream: ByteStream = {
    writable: true,
    send: bytes => sent.push(...[bytes].flat()) > 0,
    pause: () => {},
    resume: () => {},
    onData: callback => void (onData = callback),
    onDrain: () => {},
    onClose: () => {},
    close: () => {},
    abort: () => {},
  }
  return { stream, sent, receive: (request: object) => onData(encodeMessage(request)) }
}

const claim = () => signHomeClaim(agentSigner, { relay: relay.peerId, homeSeq: 1 })

describe('MapServer', () => {
  test('sends head, map and presence to who begins, then each change', async () => {
    const { messages, kinds, changed } = await follow()
    messages.send({ type: 'sync' })
    await until(() => expect(kinds()).toEqual(['head', 'changes', 'presence']))
    const next = await pairOf('edge-2', 2)
    await map.apply({ changes: [next], next: cursor(2), more: false })
    await until(() => expect(changed()).toEqual([expect.any(String), next.peerId]))
    await head.accept(await documents.head({ numbers: { policy: 2 } }))
    await until(() => expect(kinds().at(-1)).toBe('head'))
  })

  test('sends no page to who is up to date, and starts who is of another epoch anew', async () => {
    const current = await follow()
    current.messages.send({ type: 'sync', since: cursor(1) })
    await until(() => expect(current.kinds()).toEqual(['head', 'presence']))
    const foreign = await follow()
    foreign.messages.send({
      type: 'sync',
      since: formatMapCursor({ epoch: 'two', v: new Array<number>(16).fill(9) }),
    })
    await until(() => expect(foreign.kinds()).toEqual(['head', 'restart', 'changes', 'presence']))
  })

  test('tells followers who is homed here, and that it went with its stream', async () => {
    const watcher = await follow()
    watcher.messages.send({ type: 'sync' })
    const { messages } = await follow()
    messages.send({ type: 'home', home: await claim() })
    await until(() => expect(watcher.heard.at(-1)).toMatchObject({ type: 'presence', up: [agent.peerId] }))
    expect(homed.peers()).toEqual([agent.peerId])
    messages.close()
    await until(() => expect(watcher.heard.at(-1)).toMatchObject({ type: 'presence', down: [agent.peerId] }))
    expect(homed.size).toBe(0)
  })

  test('sends what changed at the same time as one message, the same bytes to all followers', async () => {
    const followers = [recording(), recording()]
    const inbound = relay.links.best(agent.peerId)!
    for (const { stream } of followers) server.serve(stream, inbound)
    for (const { receive } of followers) receive({ type: 'sync' })
    await map.apply({ changes: [await pairOf('edge-2', 2)], next: cursor(2), more: false })
    await map.apply({ changes: [await pairOf('edge-3', 3)], next: cursor(3), more: false })
    for (const { receive } of followers) receive({ type: 'home', home: await claim() })
    const [first = [], second = []] = followers.map(({ sent }) => sent)
    await until(() => expect([first.length, second.length]).toEqual([5, 5]))
    expect(first.every((bytes, i) => bytes === second[i])).toBe(true)
  })

  test.each([
    ['a second sync', { type: 'sync' }],
    ['what is no message of the protocol', { type: 'give-me-all' }],
    ['a home claim that is none', { type: 'home', home: 'a.b.c' }],
    ['a message over its limit', { type: 'sync', since: 'x'.repeat(10_000) }],
  ])('ends the stream at %s, and only that', async (_, message) => {
    const { messages, kinds, over } = await follow()
    messages.send({ type: 'sync' })
    await until(() => expect(kinds()).toContain('presence'))
    messages.send(message)
    await over
    await until(() => expect(server.subscribers).toBe(0))
    expect(link.state).toBe('up')
  })

  test('forgets who hangs up, and pushes to nobody once it has stopped', async () => {
    const { messages, kinds } = await follow()
    messages.send({ type: 'sync' })
    await until(() => expect(server.subscribers).toBe(1))
    await until(() => expect(kinds()).toHaveLength(3))
    server.stop()
    await map.apply({ changes: [await pairOf('edge-2', 2)], next: cursor(2), more: false })
    expect(server.subscribers).toBe(0)
    expect(kinds()).toHaveLength(3)
  })
})
