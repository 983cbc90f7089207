import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MapMessage } from '@agent-mesh/protocol'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  dynamoDbMissing,
  startDynamoDbLocal,
  type DynamoDbLocal,
} from '../../../../test/support/dynamodb-local.ts'
import { testKey, testSerial } from '../../../../test/support/mesh-fixture.ts'
import { changeFeed } from '../../domain/change-feed.ts'
import { controlPlane, type ControlPlane } from '../../domain/control-plane.ts'
import { foundMesh } from '../../domain/found-mesh.ts'
import { makeFileKey } from '../../signer/file-key.ts'
import { openDynamoStore } from '../../store/dynamodb/dynamo-store.ts'
import { prepareDynamoTable } from '../../store/dynamodb/prepare-table.ts'
import { addMembers } from '../../store/testing/add-members.ts'
import type { Store } from '../../store/store.ts'
import { dynamoConnections } from './dynamo-connections.ts'
import { fanOut, type FanOutWork } from './fan-out.ts'
import { pushBytes, type Pusher } from './pusher.ts'
import type { WatchConnections } from './watch-connections.ts'

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const nothing: FanOutWork = { head: false, map: false, opened: [] }
const day = 24 * 3600_000

describe.skipIf(dynamoDbMissing() !== undefined)('fanOut()', () => {
  let database: DynamoDbLocal
  let folder = ''
  let tables = 0
  let now = Date.now()
  let store: Store
  let plane: ControlPlane
  let connections: WatchConnections
  let pushed: { to: string; message: MapMessage; bytes: number }[] = []
  let gone = new Set<string>()
  let closed: string[] = []

  const pusher: Pusher = {
    push: (to, text) => {
      if (gone.has(to)) return Promise.resolve(false)
      pushed.push({ to, message: JSON.parse(text) as MapMessage, bytes: Buffer.byteLength(text) })
      return Promise.resolve(true)
    },
    close: id => Promise.resolve(void closed.push(id)),
  }
  const run = (work: Partial<FanOutWork>) =>
    fanOut({ plane, connections, pusher, log: quiet }, { ...nothing, ...work })
  const types = (to: string): string[] =>
    pushed.filter(sent => sent.to === to).map(({ message }) => message.type)
  const peers = (to: string): string[] =>
    pushed.flatMap(({ to: other, message }) =>
      other === to && message.type === 'changes' ? message.page.changes.map(({ peerId }) => peerId) : [],
    )

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fan-out-'))
    database = await startDynamoDbLocal()
  })
  afterAll(async () => {
    await database?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  beforeEach(async () => {
    const name = String(++tables)
    const options = { table: `FanOut${name}`, endpoint: database.endpoint }
    const clock = { now: () => now }
    await prepareDynamoTable(options, { create: true })
    store = openDynamoStore({ ...options, clock })
    const [root, authority] = [
      await makeFileKey(join(folder, `root-${name}`)),
      await makeFileKey(join(folder, `authority-${name}`)),
    ]
    const keys = await foundMesh({ store, clock, root, authority })
    const { meshId } = keys
    const rest = { store, clock, changes: changeFeed(), publicUrl: 'https://mesh.example.com' }
    plane = controlPlane({ meshId, keys, signer: authority.signer, ...rest })
    connections = dynamoConnections(options, clock)
    pushed = []
    gone = new Set()
    closed = []
  })

  const members = (count: number, size?: number) =>
    addMembers(store, { count, now, ...(size === undefined ? {} : { size }) })

  it('gives a new watcher the head and the map, and then nothing twice', async () => {
    await members(3)
    await connections.add({ id: 'a', peerId: 'relay', cursor: undefined })
    await run({ opened: ['a'] })
    expect(types('a')).toEqual(['head', 'changes'])
    expect(peers('a').sort()).toEqual(['m-0', 'm-1', 'm-2'])
    await run({ map: true })
    expect(types('a')).toEqual(['head', 'changes'])
  })

  it('pushes a large map in messages that API Gateway takes', async () => {
    await members(30, 20_000)
    await connections.add({ id: 'a', peerId: 'relay', cursor: undefined })
    await run({ opened: ['a'] })
    expect(new Set(peers('a')).size).toBe(30)
    expect(types('a').length).toBeGreaterThan(4)
    expect(Math.max(...pushed.map(({ bytes }) => bytes))).toBeLessThanOrEqual(pushBytes)
  })

  it('pushes to each watcher once, though the stream starts it several times at once', async () => {
    await members(5)
    for (const id of ['a', 'b']) await connections.add({ id, peerId: id, cursor: undefined })
    await Promise.all([run({ map: true }), run({ map: true }), run({ map: true })])
    for (const id of ['a', 'b']) expect(peers(id).sort()).toEqual(['m-0', 'm-1', 'm-2', 'm-3', 'm-4'])
  })

  it('forgets a watcher that is gone, and goes on with the others', async () => {
    await members(1)
    for (const id of ['a', 'b']) await connections.add({ id, peerId: id, cursor: undefined })
    gone.add('a')
    now += 60_000
    await run({ map: true })
    expect((await connections.list()).map(({ id }) => id)).toEqual(['b'])
    expect(peers('b')).toEqual(['m-0'])
  })

  it('tells a watcher that it was revoked, and then no more', async () => {
    await members(1)
    const { kid: peerId } = await testKey()
    const serial = testSerial()
    const token = { hash: serial, roles: ['relay'], tags: [], ephemeral: false, createdBy: 'admin', uses: 1 }
    await store.tokens.createToken({ ...token, createdAt: now, expiresAt: now + day })
    await store.enrolments.redeem({
      tokenHash: serial,
      peerId,
      requestedName: 'relay',
      serial,
      expiresAt: now + day,
    })
    await connections.add({ id: 'a', peerId, cursor: undefined })
    await connections.add({ id: 'b', peerId: 'other', cursor: undefined })
    await plane.revocation.revoke({ peerId }, 'admin')
    await run({ head: true, map: true })
    expect([types('a'), closed]).toEqual([['head'], ['a']])
    expect(types('b')).toEqual(['head', 'changes'])
    expect((await connections.list()).map(({ id }) => id)).toEqual(['b'])
  })

  it('begins anew with a watcher whose cursor it cannot follow', async () => {
    await members(1)
    await connections.add({ id: 'a', peerId: 'relay', cursor: 'nonsense' })
    await run({ map: true })
    expect(types('a')).toEqual(['restart', 'changes'])
    expect(peers('a')).toEqual(['m-0'])
  })

  it('takes the turn of a pusher that died', async () => {
    await members(1)
    await connections.add({ id: 'a', peerId: 'relay', cursor: undefined })
    await connections.take('a', 10_000)
    await run({ map: true })
    expect(types('a')).toEqual([])
    now += 10_001
    await run({ map: true })
    expect(peers('a')).toEqual(['m-0'])
  })
})
