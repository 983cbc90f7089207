import { verifyDocument } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { offlineMs } from '../defaults.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { changeFeed } from './change-feed.ts'
import { foundMesh } from './found-mesh.ts'
import { relayRoster } from './relay-roster.ts'
import { onceListening, removeOffline } from './removal.ts'

const minute = 60_000
let now = Date.UTC(2030, 0, 1)
const clock = { now: () => now }

describe('removeOffline()', () => {
  let mesh: TestMesh
  let store: Store
  beforeEach(async () => {
    mesh = await TestMesh.create(clock)
    store = openSqliteStore({ file: ':memory:', clock })
    await store.headParts.writePart('keys', 0, JSON.stringify(mesh.chain))
    await foundMesh({ store, clock, root: mesh.root, authority: mesh.authority })
  })
  afterEach(() => store.close())

  /** A relay in the map and in the head. */
  const relay = async (roster: ReturnType<typeof relayRoster>) => {
    const { peerId, serial, name, ...member } = await mesh.member({ roles: ['relay'] })
    const token = { hash: serial, roles: ['relay'], tags: [], ephemeral: false, uses: 1 }
    await store.tokens.createToken({ ...token, createdAt: now, createdBy: 'test', expiresAt: now + minute })
    const expiresAt = now + 21 * 24 * 60 * minute
    await store.enrolments.redeem({ tokenHash: serial, peerId, requestedName: name, serial, expiresAt })
    await store.enrolments.recordCredential({
      peerId,
      serial,
      credential: await member.credential(),
      expiresAt,
    })
    const record = await member.record({ serial })
    await store.directory.putMember({ peerId, serial, incarnation: now, record, services: [] })
    await roster.put({ peerId, name, addrs: ['/ip4/192.0.2.7/tcp/4001'] })
    return { peerId, serial }
  }

  it('takes relays out of the head that are in no map, and leaves the others', async () => {
    const { meshId, keys, authority } = mesh
    const signing = { meshId, keys, signer: authority.signer, store, clock, publicUrl: '' }
    const context = { ...signing, changes: changeFeed() }
    const roster = relayRoster(context)
    const [there, gone] = [await relay(roster), await relay(roster)]
    // The state after a crash between map and head, or after a removal by a process that signs nothing.
    await store.directory.removeMember(gone.peerId, gone.serial)
    await removeOffline({ ...context, roster })
    const part = await store.headParts.readPart('relays')
    const { claims } = await verifyDocument(part?.document ?? '', {
      typ: 'relays+jws',
      schema: z.looseObject({ relays: z.array(z.looseObject({ peerId: z.string() })) }),
      maxBytes: 10_000,
      keyOf: kid => keys.keyOf(kid),
    })
    expect(claims.relays.map(({ peerId }) => peerId)).toEqual([there.peerId])
    await removeOffline({ ...context, roster })
    expect((await store.headParts.readPart('relays'))?.number).toBe(part?.number)
  })
})

describe('onceListening()', () => {
  it('removes nobody before it could hear them: not after a start, nor after its machine slept', async () => {
    let removals = 0
    const remove = onceListening(clock, () => Promise.resolve(++removals), minute)
    const listen = async (ms: number) => {
      for (const end = now + ms; now < end; now += minute) await remove()
    }
    await listen(offlineMs.ephemeral)
    expect(removals).toBe(0)
    await listen(minute)
    expect(removals).toBe(1)
    now += 60 * minute
    await listen(offlineMs.ephemeral)
    expect(removals).toBe(1)
    await listen(minute)
    expect(removals).toBe(2)
  })
})
