/** Real links over loopback; the relay's part of the map protocol is played by the test. */
import {
  formatMapCursor,
  mapProtocol,
  mapRequestSchema,
  shardOf,
  type MapMessage,
  type MapRequest,
} from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh as Documents } from '../../../test/support/mesh-fixture.ts'
import { systemClock } from '../observe/clock.ts'
import { createLogger } from '../observe/logger.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { Link } from '../transport/links/link.ts'
import { messageStream } from '../transport/message-stream.ts'
import { targetOf, TestTransports } from '../transport/testing/test-transports.ts'
import type { Transport } from '../transport/transport.ts'
import { headKeeper } from './head-keeper.ts'
import { MapSync } from './map-sync.ts'
import { openMemberStore, type MemberStore } from './member-store.ts'
import { openMeshMap, type MeshMap } from './mesh-map.ts'
import { Presence } from './presence.ts'

const log = createLogger('test', 'silent')
const cursor = (v: number, epoch = 'one') => formatMapCursor({ epoch, v: new Array<number>(16).fill(v) })

let network: TestTransports
let documents: Documents
let store: MemberStore
let map: MeshMap
let presence: Presence
let sync: MapSync
let agent: Transport
let relay: Transport
let link: Link
/** Streams the relay has taken, and what came over all of them. */
let served: { stream: ByteStream; tell: (message: MapMessage) => boolean }[]
let requests: MapRequest[]
let homeClaim: string | undefined
let followed: boolean
/** Relays whose stream was found silent. */
let silentRelays: string[]

beforeEach(async () => {
  network = await TestTransports.create()
  documents = await Documents.create()
  store = openMemberStore(':memory:')
  served = []
  requests = []
  homeClaim = undefined
  followed = true
  silentRelays = []
  relay = await network.join('relay')
  await relay.handle(mapProtocol, stream => {
    const messages = messageStream({
      stream,
      schema: mapRequestSchema,
      maxBytes: 4096,
      onMessage: request => requests.push(request),
    })
    served.push({ stream, tell: message => messages.send(message) })
  })
  agent = await network.join('agent')
  link = await agent.connect(targetOf(relay))
  const head = await headKeeper({ meshId: documents.meshId, store, log })
  await head.accept(await documents.head())
  map = await openMeshMap({ store, head, log, clock: systemClock })
  presence = new Presence(expect.unreachable as () => void)
  sync = new MapSync({
    head,
    map,
    presence,
    log,
    reopenMs: 20,
    linkTo: peerId => (followed ? agent.links.best(peerId) : undefined),
    homeClaimFor: () => Promise.resolve(homeClaim),
    onSilent: peerId => silentRelays.push(peerId),
  })
})
afterEach(async () => {
  await sync.stop()
  await network.stop()
  store.close()
})

const until = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 10 })
const taken = (count: number) => until(() => expect(served).toHaveLength(count))

async function pairOf(name: string, v: number) {
  const member = await documents.member({ name })
  const [record, credential] = await Promise.all([member.record(), member.credential()])
  return { shard: await shardOf(member.peerId), v, peerId: member.peerId, record, credential }
}

describe('MapSync', () => {
  test('asks from its cursor and takes in what the relay pushes', async () => {
    await map.apply({ changes: [], next: cursor(3), more: false })
    sync.follow(link)
    await until(() => expect(requests).toEqual([{ type: 'sync', since: cursor(3) }]))
    const pair = await pairOf('edge-7', 4)
    served[0]?.tell({ type: 'changes', page: { changes: [pair], next: cursor(4), more: false } })
    await until(() => expect(map.find('edge-7')?.peerId).toBe(pair.peerId))
    expect(sync.live).toBe(true)
  })

  test('opens one stream however often it is told to follow', async () => {
    sync.follow(link)
    sync.follow(link)
    await taken(1)
    sync.follow(link)
    served[0]?.tell({ type: 'presence', full: true, up: ['ada'], down: [] })
    // What is sent afterwards has arrived: a second stream would have come before it.
    await until(() => expect(requests).toHaveLength(1))
    expect(served).toHaveLength(1)
  })

  test('shows the home claim to the relay that is its home, at once and when it moves there', async () => {
    const member = await documents.member()
    homeClaim = await member.record()
    sync.follow(link)
    await until(() => expect(requests.map(({ type }) => type)).toEqual(['sync', 'home']))
    await sync.announceHome(relay.peerId)
    await until(() => expect(requests.map(({ type }) => type)).toEqual(['sync', 'home', 'home']))
  })

  test('forgets whom the relay called online when the stream ends, and opens another', async () => {
    sync.follow(link)
    await taken(1)
    const { peerId } = await documents.member()
    served[0]?.tell({ type: 'presence', full: true, up: [peerId], down: [] })
    await until(() => expect(presence.at(peerId)).toBe(relay.peerId))
    served[0]?.stream.abort(new Error('the relay dropped it'))
    await until(() => expect(presence.at(peerId)).toBeUndefined())
    await taken(2)
    await until(() => expect(sync.live).toBe(true))
  })

  test('opens a stream anew that is open and silent, and leaves one alone that gets signs of life', async () => {
    const head = await documents.head()
    const signs = setInterval(() => {
      served[1]?.tell({ type: 'presence', full: false, up: [], down: [] })
    }, 500)
    try {
      sync.follow(link)
      await taken(1)
      served[0]?.tell({ type: 'head', head, beatMs: 1_000 })
      await taken(2)
      expect(silentRelays).toEqual([relay.peerId])
      served[1]?.tell({ type: 'head', head, beatMs: 1_000 })
      const later = performance.now() + 4_000
      await until(() => expect(performance.now()).toBeGreaterThan(later))
      expect(served).toHaveLength(2)
    } finally {
      clearInterval(signs)
    }
    await taken(3)
    expect(silentRelays).toHaveLength(2)
  })

  test('ignores who is online in what still waits when the stream ends', async () => {
    const verified = Promise.withResolvers<void>()
    const apply = vi.spyOn(map, 'apply').mockReturnValue(verified.promise)
    followed = false
    sync.follow(link)
    await taken(1)
    const { peerId } = await documents.member()
    const page = { changes: [], next: cursor(1), more: false }
    served[0]?.tell({ type: 'changes', page })
    served[0]?.tell({ type: 'presence', full: true, up: [peerId], down: [] })
    served[0]?.tell({ type: 'changes', page })
    served[0]?.stream.close()
    await until(() => expect(sync.live).toBe(false))
    verified.resolve()
    await until(() => expect(apply).toHaveBeenCalledTimes(2))
    expect(presence.at(peerId)).toBeUndefined()
  })

  test('goes on over another link when the one it used is gone', async () => {
    sync.follow(link)
    await taken(1)
    await link.close()
    await until(() => expect(sync.live).toBe(false))
    sync.follow(await agent.connect(targetOf(relay)))
    await taken(2)
  })

  test('refuses a head of another mesh and goes on with the next message', async () => {
    sync.follow(link)
    await taken(1)
    served[0]?.tell({ type: 'head', head: await (await Documents.create()).head() })
    const pair = await pairOf('edge-8', 1)
    served[0]?.tell({ type: 'changes', page: { changes: [pair], next: cursor(1), more: false } })
    await until(() => expect(map.find('edge-8')).toBeDefined())
  })

  test('starts anew when the relay says that the cursor is foreign, and forgets whom it does not name', async () => {
    const gone = await pairOf('gone', 1)
    await map.apply({ changes: [gone], next: cursor(1), more: false })
    sync.follow(link)
    await taken(1)
    served[0]?.tell({ type: 'restart' })
    const stays = await pairOf('stays', 1)
    const page = { changes: [stays], next: cursor(1, 'two'), more: false }
    served[0]?.tell({ type: 'changes', page })
    await until(() => expect(map.members().map(({ name }) => name)).toEqual(['stays']))
  })

  test('leaves a relay that is to be followed no more', async () => {
    sync.follow(link)
    await taken(1)
    const ended = new Promise(resolve => served[0]?.stream.onClose(resolve))
    followed = false
    sync.followOnly([])
    await ended
    await until(() => expect(sync.live).toBe(false))
  })

  test('leaves a relay whose stream is still being opened', async () => {
    const said = vi.spyOn(log, 'debug')
    followed = false
    sync.follow(link)
    sync.followOnly([])
    await until(() => expect(said).toHaveBeenCalledWith(expect.anything(), 'map stream not opened'))
    expect(sync.live).toBe(false)
    said.mockRestore()
  })

  test('cuts off a relay that sends faster than its words can be verified', async () => {
    sync.follow(link)
    await taken(1)
    const pair = await pairOf('edge-7', 1)
    const changes = Array.from({ length: 500 }, (_, i) => ({ ...pair, v: i + 1 }))
    const [first] = served
    let drained = Promise.withResolvers<void>()
    first?.stream.onDrain(() => drained.resolve())
    first?.stream.onClose(() => drained.resolve())
    for (let i = 0; i < 100 && sync.live; i++) {
      drained = Promise.withResolvers()
      if (
        first?.tell({ type: 'changes', page: { changes, next: cursor(500, `e${i}`), more: false } }) === false
      )
        await drained.promise
    }
    // 32 MB in reads of 64 KiB, with 20 signatures in the turn of each: 3 s of CPU, and as much more as the machine is busy.
    await vi.waitUntil(() => served.length === 2, { timeout: 50_000, interval: 10 })
  })

  test('stops while a stream is being opened, and opens none afterwards', async () => {
    sync.follow(link)
    await sync.stop()
    expect(sync.live).toBe(false)
    sync.follow(link)
    expect(sync.live).toBe(false)
  })
})
