import { signRelays } from '@agent-mesh/protocol'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { changeFeed } from './change-feed.ts'
import { fleetGauges } from './fleet-gauges.ts'
import { foundMesh } from './found-mesh.ts'
import { joinTokens } from './join-tokens.ts'
import type { MeshContext } from './mesh-context.ts'

const day = 24 * 3600
let now = Date.UTC(2030, 0, 1)
const clock = { now: () => now }
let mesh: TestMesh
let store: Store
let context: MeshContext

beforeEach(async () => {
  mesh = await TestMesh.create(clock)
  store = openSqliteStore({ file: ':memory:', clock })
  await store.headParts.writePart('keys', 0, JSON.stringify(mesh.chain))
  await foundMesh({ store, clock, root: mesh.root, authority: mesh.authority })
  const { meshId, keys, authority } = mesh
  const publicUrl = 'https://mesh.example.com'
  context = { meshId, keys, signer: authority.signer, store, clock, publicUrl, changes: changeFeed() }
})
afterEach(() => store.close())

/** Relays in the head, of which the first has a lease. */
async function twoRelays(): Promise<void> {
  const members = [await mesh.member({ roles: ['relay'] }), await mesh.member({ roles: ['relay'] })]
  const relays = members.map(({ peerId, name }) => ({ peerId, name, addrs: ['/ip4/192.0.2.7/tcp/4001'] }))
  const document = await signRelays(context.signer, { mesh: mesh.meshId, number: 2, relays })
  const number = (await store.headParts.readPart('relays'))?.number ?? 0
  await store.headParts.writePart('relays', number, document)
  const relay = members[0]?.peerId ?? ''
  await store.presence.applyReport({ relay, epoch: 'epoch', seq: 1, up: [], down: [], status: '{}' })
}

const gauges = () => fleetGauges(context, joinTokens(context))

it('a new mesh has no relay, and no token that machines start with', async () => {
  expect(await gauges()).toEqual({ relays: 0, liveRelays: 0 })
})

it('a relay whose lease has run out is known and not live', async () => {
  await twoRelays()
  expect(await gauges()).toEqual({ relays: 2, liveRelays: 1 })
  now += 3600_000
  expect(await gauges()).toEqual({ relays: 2, liveRelays: 0 })
})

it('counts the days of the long-lived token that expires first, while it can be used', async () => {
  const tokens = joinTokens(context)
  const create = (expiresIn: number) => tokens.create({ roles: ['relay'], uses: 5, expiresIn }, 'admin')
  await create(day)
  expect(await gauges()).not.toHaveProperty('tokenDays')
  const { view } = await create(20 * day)
  await create(40 * day)
  now += 5 * day * 1_000
  expect((await gauges()).tokenDays).toBeCloseTo(15)
  await tokens.revoke(view.id, 'admin')
  expect((await gauges()).tokenDays).toBeCloseTo(35)
})
