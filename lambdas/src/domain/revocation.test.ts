import { limits, signRevocations } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { changeFeed } from './change-feed.ts'
import { revocation, type Revocation } from './revocation.ts'

const day = 24 * 3600_000
let now = Date.UTC(2030, 0, 1)
const clock = { now: () => now }
/** The entries that may leave the list. */
let sweepTime: () => number
let mesh: TestMesh
let store: Store
let service: Revocation

beforeEach(async () => {
  now = Date.UTC(2030, 0, 1)
  mesh = await TestMesh.create(clock)
  store = openSqliteStore({ file: ':memory:', clock })
  const { meshId, keys, authority } = mesh
  const context = {
    meshId,
    keys,
    signer: authority.signer,
    store,
    clock,
    changes: changeFeed(),
    publicUrl: '',
  }
  sweepTime = () => now
  service = revocation(context, { remove: async () => {} }, { sweepTime: async () => sweepTime() })
})
afterEach(() => store.close())

/** The list, number 1: each of these revoked at that time. */
const begin = async (peerIds: string[], times?: number[]) => {
  const list = { mesh: mesh.meshId, number: 1, peerIds, serials: [], ...(times ? { times } : {}) }
  await store.headParts.writePart('revocations', 0, await signRevocations(mesh.authority.signer, list))
}

const enrolled = async (): Promise<string> => {
  const { peerId, serial } = await mesh.member()
  const token = { hash: serial, roles: ['agent'], tags: [], ephemeral: false, uses: 1 }
  await store.tokens.createToken({ ...token, createdAt: now, createdBy: 'test', expiresAt: now + day })
  await store.enrolments.redeem({
    tokenHash: serial,
    peerId,
    requestedName: 'm',
    serial,
    expiresAt: now + 21 * day,
  })
  return peerId
}

const listed = async () => (await service.list()).revoked.map(({ peerId }) => peerId)

describe('the list of revocations', () => {
  it('drops who can have no credential alive, and the enrolment refuses on', async () => {
    await begin([])
    const [old, fresh, later] = [await enrolled(), await enrolled(), await enrolled()]
    await service.revoke({ peerId: old }, 'admin')
    now += 21 * day
    await service.revoke({ peerId: fresh }, 'admin')
    expect(await listed()).toEqual([old, fresh])
    now += 2 * day
    await service.revoke({ peerId: later }, 'admin')
    expect(await listed()).toEqual([fresh, later])
    now += 365 * day
    expect(await store.enrolments.readEnrolment(old)).toMatchObject({ revokedAt: expect.any(Number) })
  })

  it('forgets nobody while the clock is in doubt', async () => {
    await begin([])
    const [old, fresh] = [await enrolled(), await enrolled()]
    await service.revoke({ peerId: old }, 'admin')
    now += 60 * day
    sweepTime = () => 0
    await service.revoke({ peerId: fresh }, 'admin')
    expect(await listed()).toEqual([old, fresh])
  })

  it('keeps an entry that does not say when', async () => {
    const [unknown, known] = [await enrolled(), await enrolled()]
    await begin([unknown])
    now += 60 * day
    const { number } = await service.revoke({ peerId: known }, 'admin').catch(() => ({ number: 0 }))
    expect(number).toBe(2)
    expect((await service.list()).revoked).toEqual([{ peerId: unknown }, { peerId: known, at: now }])
  })

  it('refuses one more than it holds before anything is written, and says when there is room', async () => {
    const [listedOne, other] = [await enrolled(), await enrolled()]
    const full = Array.from({ length: limits.revocations }, () => listedOne)
    await begin(
      full,
      full.map(() => now),
    )
    expect(await refusal(service.revoke({ peerId: other }, 'admin'))).toBe(
      `mesh_full: Cannot revoke ${other}: the list holds 4096 members; the first leaves it: 2030-01-23T00:00:00.000Z`,
    )
    expect((await store.enrolments.readEnrolment(other))?.revokedAt).toBeUndefined()
    now += 23 * day
    expect(await service.revoke({ peerId: other }, 'admin')).toMatchObject({ number: 2 })
    expect(await listed()).toEqual([other])
  })

  it('finishes what a crash left half done', async () => {
    await begin([])
    const peerId = await enrolled()
    const { revokedAt } = await store.enrolments.revokeMember(peerId)
    now += day
    expect(await service.revoke({ peerId }, 'admin')).toMatchObject({ revokedAt, number: 2 })
    expect((await service.list()).revoked).toEqual([{ peerId, at: revokedAt }])
  })
})
