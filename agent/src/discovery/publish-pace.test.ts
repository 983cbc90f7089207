import { limits, MeshError, verifyRecord } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { systemClock } from '../observe/clock.ts'
import type { RecordPublisher } from './record-publisher.ts'
import { startRecordedPublisher } from './testing/recorded-publisher.ts'

let member: TestMember
let publisher: RecordPublisher
/** What reached the control plane, and how it answers. */
let received: string[]
let answer: () => Promise<void>

const onPublish = async (record: string) => {
  received.push(record)
  await answer()
}
const start = (clock = systemClock) => startRecordedPublisher({ member, clock, onPublish })

beforeEach(async () => {
  member = await (await TestMesh.create()).member()
  received = []
  answer = () => Promise.resolve()
})
afterEach(() => publisher.stop())

describe('a record publisher', () => {
  test('keeps to the pace of the mesh: what changes meanwhile goes as one record, the last one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      publisher = await start()
      let changed = 0
      const change = async () => {
        await publisher.update({ services: [`math@${++changed}`] })
        await vi.advanceTimersByTimeAsync(100)
      }
      for (let i = 0; i < 30; i++) await change()
      const atOnce = received.length
      expect(atOnce).toBeLessThan(limits.recordsAtOnce)
      expect(publisher.published).toBe(false)
      await vi.advanceTimersByTimeAsync(limits.recordEveryMs)
      expect(received).toHaveLength(atOnce + 1)
      expect(received.at(-1)).toBe(publisher.jws)
      expect(publisher.published).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  test('told that it changes too often, it comes back in time with the newest record', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const details = { retryAfterMs: 7_000 }
      answer = () => Promise.reject(new MeshError('rate_limited', 'Cannot publish record', { details }))
      publisher = await start()
      await vi.waitFor(() => expect(received).toHaveLength(1), 20_000)
      answer = () => Promise.resolve()
      await publisher.update({ services: ['text@1'] })
      // The wait above may have turned the clock by one of its steps, 50 ms, after the answer had come.
      await vi.advanceTimersByTimeAsync(6_900)
      expect(received).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(1_600)
      expect(received.slice(1)).toEqual([publisher.jws])
    } finally {
      vi.useRealTimers()
    }
  })

  test('does not hold back the record of its leaving', async () => {
    publisher = await start({ ...systemClock, monotonic: () => 0 })
    for (let i = 0; i < 6; i++) {
      await publisher.update({ services: [`math@${i + 3}`] })
      await vi.waitFor(() => expect(publisher.published || received.length >= 4).toBe(true), 20_000)
    }
    expect(publisher.published).toBe(false)
    await publisher.withdraw(1_000)
    expect(publisher.published).toBe(true)
    expect((await verifyRecord(received.at(-1) ?? '', Date.now())).record.services).toEqual([])
  })
})
