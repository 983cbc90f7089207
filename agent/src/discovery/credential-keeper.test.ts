import { MeshError } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { headKeeper, type HeadKeeper } from '../membership/head-keeper.ts'
import { openMemberStore, type MemberStore } from '../membership/member-store.ts'
import type { Clock } from '../observe/clock.ts'
import { createLogger } from '../observe/logger.ts'
import { credentialKeeper, type CredentialKeeper } from './credential-keeper.ts'

const log = createLogger('test', 'silent')
const dayMs = 24 * 3600_000

let mesh: TestMesh
let member: TestMember
let store: MemberStore
let keeper: CredentialKeeper | undefined
let renewals: number
/** The credential that the control plane issues. */
let renewed: () => Promise<string>

/** A clock so many days after the enrolment. */
const daysLater = (days: number): Clock => ({
  now: () => Date.now() + days * dayMs,
  monotonic: () => performance.now(),
})

async function freshHead(): Promise<HeadKeeper> {
  const head = await headKeeper({ meshId: mesh.meshId, store, log })
  await head.accept(await mesh.head())
  return head
}

async function start(clock: Clock, known?: HeadKeeper): Promise<CredentialKeeper> {
  const head = known ?? (await freshHead())
  keeper = await credentialKeeper({
    peerId: member.peerId,
    client: {
      renew: async () => {
        renewals++
        return { credential: await renewed(), head: await mesh.head() }
      },
    },
    store,
    head,
    clock,
    log,
  })
  return keeper
}

beforeEach(async () => {
  mesh = await TestMesh.create()
  member = await mesh.member()
  store = openMemberStore(':memory:')
  store.set('credential', await member.credential())
  renewals = 0
  renewed = () => member.credential({ jti: 'second' })
})
afterEach(async () => {
  await keeper?.stop()
  keeper = undefined
  store.close()
})

describe('credentialKeeper()', () => {
  test('that is told the same credential has not renewed it', async () => {
    const same = store.get('credential') ?? ''
    renewed = () => Promise.resolve(same)
    const { onRenewed } = await start(daysLater(8))
    let told = 0
    onRenewed(() => void told++)
    await vi.waitFor(() => expect(renewals).toBe(1), 30_000)
    await keeper?.stop()
    expect(told).toBe(0)
  })

  test('leaves a young credential alone', async () => {
    const { claims, stop } = await start(daysLater(6.9))
    await stop()
    expect(renewals).toBe(0)
    expect(claims.jti).not.toBe('second')
  })

  test.each([7.1, 30])('renews one that is %d days old, and keeps it over a restart', async days => {
    const first = await start(daysLater(days))
    await vi.waitFor(() => expect(first.claims.jti).toBe('second'), 30_000)
    await first.stop()
    expect(store.get('credential')).toBe(first.jwt)
  })

  test('renews at a control plane that was restored from a backup, whose head is older than the known one', async () => {
    const head = await headKeeper({ meshId: mesh.meshId, store, log })
    await head.accept(await mesh.head({ numbers: { revocations: 9 } }))
    const renewing = await start(daysLater(8), head)
    await vi.waitFor(() => expect(renewing.claims.jti).toBe('second'), 30_000)
    expect(head.current.numbers.revocations).toBe(9)
  })

  test('goes on with the one it has while the control plane is away', async () => {
    renewed = () => Promise.reject(new MeshError('unavailable', 'away'))
    const { jwt } = await start(daysLater(8))
    await vi.waitFor(() => expect(renewals).toBe(1), 30_000)
    await keeper?.stop()
    expect(keeper?.jwt).toBe(jwt)
    expect(store.get('credential')).toBe(jwt)
  })

  test('does not take the credential of another member for its own', async () => {
    const other = await mesh.member()
    renewed = () => other.credential()
    const { jwt } = await start(daysLater(8))
    await vi.waitFor(() => expect(renewals).toBe(1), 30_000)
    await keeper?.stop()
    expect(keeper?.jwt).toBe(jwt)
  })

  test('refuses to start with the credential of another member on its disk', async () => {
    store.set('credential', await (await mesh.member()).credential())
    expect(await refusal(start(daysLater(0)))).toMatch(/^unauthenticated: /)
  })
})
