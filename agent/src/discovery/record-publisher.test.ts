import { MeshError, signRecord, verifyRecord, type MemberView, type Signer } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { openMemberStore, type MemberStore } from '../membership/member-store.ts'
import type { RecordPublisher } from './record-publisher.ts'
import { startRecordedPublisher } from './testing/recorded-publisher.ts'

let member: TestMember
let store: MemberStore
let publisher: RecordPublisher
/** What reached the control plane, and how it answers. */
let received: string[]
let answer: () => Promise<void>
/** What it shows as the record of this member. */
let shown: () => Promise<MemberView>
/** What the signed list says of this member. */
let listed: boolean

const onPublish = async (record: string) => {
  received.push(record)
  await answer()
}
const start = () =>
  startRecordedPublisher({ member, store, onPublish, shown: () => shown(), isRevoked: () => listed })

const incarnations = () =>
  Promise.all(received.map(async jws => (await verifyRecord(jws, Date.now())).record.incarnation))

beforeEach(async () => {
  member = await (await TestMesh.create()).member()
  store = openMemberStore(':memory:')
  received = []
  listed = false
  shown = () => Promise.reject(new MeshError('not_found', 'Cannot find member'))
  answer = () => Promise.resolve()
})
afterEach(() => publisher.stop())

describe('RecordPublisher', () => {
  test('publishes at the start', async () => {
    publisher = await start()
    await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
    expect(received).toEqual([publisher.jws])
  })

  test('publishes changes that follow at once as one record', async () => {
    publisher = await start()
    await publisher.update({ services: ['math@2', 'text@1'] })
    await publisher.update({ addrs: ['/ip4/192.0.2.1/tcp/4001'] })
    await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
    expect(received).toHaveLength(1)
    expect(publisher.record).toMatchObject({
      services: ['math@2', 'text@1'],
      addrs: ['/ip4/192.0.2.1/tcp/4001'],
    })
  })

  test('lists round trips where the record has room for them', async () => {
    publisher = await start()
    await publisher.update({ homeRelays: [member.peerId], homeRttMs: [12] })
    expect(publisher.record.homeRttMs).toEqual([12])
    const addrs = Array.from(
      { length: 3 },
      (_, i) => `/dns4/a-name-of-a-host-that-is-quite-long-${i}.example/tcp/4001`,
    )
    let length = 0
    const publish = () => {
      const services = Array.from({ length }, (_, i) => `service-${i}@1`)
      return publisher.update({ addrs, services, homeRttMs: [12] })
    }
    while (publisher.record.homeRttMs !== undefined && ++length < 64) await publish()
    expect(publisher.record).not.toHaveProperty('homeRttMs')
    expect(publisher.record.services).toHaveLength(length)
    const { record } = await verifyRecord(String(publisher.jws), Date.now())
    expect(record).toEqual(publisher.record)
    await expect(publisher.update({ addrs: addrs.concat(addrs) })).rejects.toMatchObject({
      code: 'too_large',
    })
  })

  test('publishes a change that comes after there was nothing to publish', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      publisher = await start()
      await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
      // What it was to tell went with a run that was under way.
      publisher.schedule()
      await vi.runAllTimersAsync()
      await publisher.update({ services: ['text@1'] })
      await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
      publisher.tellAgain()
      await vi.waitFor(() => expect(received).toHaveLength(3), 20_000)
      expect(received.at(-1)).toBe(received.at(-2))
    } finally {
      vi.useRealTimers()
    }
  })

  test('does not sign anew when nothing changed', async () => {
    publisher = await start()
    const before = publisher.jws
    await publisher.update({ services: ['math@2'] })
    expect(publisher.jws).toBe(before)
  })

  test('tells the last of several changes made at the same time', async () => {
    publisher = await start()
    const names = Array.from({ length: 20 }, (_, i) => `math@${i + 3}`)
    await Promise.all(names.map(name => publisher.update({ services: [name] })))
    await publisher.update({ addrs: ['/ip4/192.0.2.1/tcp/4001'] })
    expect(publisher.record).toMatchObject({ services: names.slice(-1), addrs: ['/ip4/192.0.2.1/tcp/4001'] })
    await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
    expect(received.at(-1)).toBe(publisher.jws)
  })

  test('signs a change that could not be kept on disk as soon as it can', async () => {
    publisher = await start()
    const { set } = store
    store.set = () => {
      throw new Error('database or disk is full')
    }
    await expect(publisher.update({ homeRelays: [member.peerId] })).rejects.toThrow('disk is full')
    store.set = set
    await publisher.update({ homeRelays: [member.peerId] })
    expect(publisher.record.homeRelays).toEqual([member.peerId])
  })

  test('tells a later change although an earlier one was too large for a record', async () => {
    publisher = await start()
    const services = Array.from({ length: 60 }, (_, i) => `service-with-a-long-name-${i}@1`)
    await expect(publisher.update({ services })).rejects.toMatchObject({ name: 'MeshError' })
    await publisher.update({ homeRelays: [member.peerId] })
    expect(publisher.record).toMatchObject({ services: ['math@2'], homeRelays: [member.peerId] })
  })

  test('goes above the incarnation that the control plane knows, with a lost disk or a clock behind', async () => {
    const known = Date.now() + 3600_000
    answer = async () => {
      if ((await incarnations()).at(-1)! <= known)
        throw new MeshError('conflict', 'older', { details: { incarnation: known } })
    }
    publisher = await start()
    await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
    expect(publisher.record.incarnation).toBe(known + 1)
  })

  test('raises the incarnation over a restart even when the clock stepped back', async () => {
    store.set('incarnation', String(Date.now() + 60_000))
    const stored = Number(store.get('incarnation'))
    publisher = await start()
    expect(publisher.record.incarnation).toBe(stored + 1)
  })

  test('is believed again at once after a start with a clock days ahead', async () => {
    store.set('incarnation', String(Date.now() + 3 * 24 * 3600_000))
    publisher = await start()
    await expect(verifyRecord(publisher.jws ?? '', Date.now())).resolves.toBeDefined()
  })

  test('goes on trying while the control plane is away', async () => {
    let away = 3
    answer = () => (away-- > 0 ? Promise.reject(new MeshError('unavailable', 'away')) : Promise.resolve())
    publisher = await start()
    await vi.waitFor(() => expect(publisher.published).toBe(true), { timeout: 30_000 })
    expect(received).toHaveLength(4)
  })

  test('goes on trying when only an answer says that this member was revoked, not the signed list', async () => {
    let forged = 2
    answer = () => (forged-- > 0 ? Promise.reject(new MeshError('revoked', 'revoked')) : Promise.resolve())
    publisher = await start()
    await vi.waitFor(() => expect(publisher.published).toBe(true), { timeout: 30_000 })
    expect(received).toHaveLength(3)
  })

  describe('told that the control plane has a later record', () => {
    const later = Date.now() + 10 * 24 * 3600_000
    const conflict = (incarnation: number) =>
      Promise.reject(new MeshError('conflict', 'older', { details: { incarnation } }))
    const recordOf = async (signer: Signer, incarnation: number): Promise<MemberView> => {
      const record = { addrs: [], homeRelays: [], services: [], serial: member.serial, incarnation }
      return { peerId: member.peerId, online: true, record: await signRecord(signer, record) } as never
    }
    const tried = (times: number) =>
      vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(times), { timeout: 30_000 })
    let outdone: number[]
    beforeEach(async () => {
      outdone = []
      publisher = await start()
      publisher.onOutdone(incarnation => outdone.push(incarnation))
      await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
      answer = () => conflict(later)
      await publisher.update({ services: ['math@3'] })
    })

    test('after the own one was taken, leaves it to the process that signed it', async () => {
      shown = () => recordOf(member.signer, later)
      await vi.waitFor(() => expect(outdone).toEqual([later]), 20_000)
      expect(received).toHaveLength(2)
    })

    test('by an answer that nothing proves, goes on trying', async () => {
      const stranger = await (await TestMesh.create()).member()
      shown = () => recordOf(stranger.signer, later)
      await tried(4)
      expect(outdone).toEqual([])
      answer = () => Promise.resolve()
      await vi.waitFor(() => expect(publisher.published).toBe(true), { timeout: 30_000 })
    })

    test('from after tomorrow, signs none that nobody would believe', async () => {
      await publisher.stop()
      publisher = await start()
      await tried(4)
      expect(publisher.record.incarnation).toBeLessThan(Date.now() + 60_000)
      await publisher.stop()
      shown = () => recordOf(member.signer, later)
      publisher = await start()
      await vi.waitFor(() => expect(publisher.record.incarnation).toBe(later + 1), { timeout: 30_000 })
    })

    test('which is shown no more, goes above it', async () => {
      const tomorrow = Date.now() + 12 * 3600_000
      answer = async () => {
        if ((await incarnations()).at(-1)! <= tomorrow) await conflict(tomorrow)
      }
      await vi.waitFor(() => expect(publisher.published).toBe(true), { timeout: 30_000 })
      expect(publisher.record.incarnation).toBe(tomorrow + 1)
      expect(outdone).toEqual([])
    })
  })

  test('pauses between two tries to go above whoever says each time that it has a later record', async () => {
    const since = performance.now()
    answer = () =>
      Promise.reject(
        new MeshError('conflict', 'older', { details: { incarnation: publisher.record.incarnation } }),
      )
    publisher = await start()
    await vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(5), { timeout: 30_000 })
    // The pauses until then come to 570 ms at least; without any it takes a tenth of that.
    expect(performance.now() - since).toBeGreaterThan(400)
  })

  test('goes on from its record that was taken though its clock is behind', async () => {
    const known = Date.now() + 10 * 24 * 3600_000
    const outdone = vi.fn()
    const taken: string[] = []
    const latest = async () => {
      const incarnation =
        taken.length > 0 ? (await verifyRecord(taken.at(-1)!, Infinity)).record.incarnation : known
      return { incarnation, ...(await verifyRecord(received.at(-1)!, Infinity)) }
    }
    answer = async () => {
      const { incarnation, record } = await latest()
      if (record.incarnation <= incarnation)
        throw new MeshError('conflict', 'older', { details: { incarnation } })
      taken.push(received.at(-1)!)
    }
    shown = async () => {
      const record = { addrs: [], homeRelays: [], services: [], serial: member.serial, incarnation: known }
      const first = await signRecord(member.signer, record)
      return { peerId: member.peerId, online: true, record: taken.at(-1) ?? first } as never
    }
    publisher = await start()
    publisher.onOutdone(outdone)
    await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
    await publisher.update({ services: ['math@3'] })
    await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
    expect(publisher.record.incarnation).toBe(known + 2)
    expect(outdone).not.toHaveBeenCalled()
  })

  test('gives up when this member was revoked, and tries once with each later change', async () => {
    answer = () => Promise.reject(new MeshError('revoked', 'revoked'))
    listed = true
    publisher = await start()
    const tried = (times: number) =>
      vi.waitFor(() => expect(received).toHaveLength(times), { timeout: 30_000 })
    await tried(1)
    await publisher.update({ services: ['math@3'] })
    await tried(2)
    await publisher.stop()
    expect(received).toHaveLength(2)
  })
})
