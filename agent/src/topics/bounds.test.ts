import { describe, expect, it, vi } from 'vitest'
import type { ByteStream } from '../core/byte-stream.ts'
import { topicDefaults } from './defaults.ts'
import { FrameSender } from './frame-sender.ts'
import { GroupTurns } from './hub/group-shares.ts'
import { laneOf, ReplayWindows } from './replay-windows.ts'
import { Subscription } from './subscription.ts'

const now = 1_000_000_000_000
const lane = laneOf('p')
const message = (seq: number, epoch = 5, at = now) => ({ epoch, seq, at })

it('a message is new once, in any order within the window', () => {
  const windows = new ReplayWindows(() => now)
  expect([3, 1, 2, 3, 1].map(seq => windows.take(lane, message(seq)))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
  expect(windows.take(laneOf('p', 'group'), message(3))).toBe(true)
  expect(windows.take(lane, message(5_000))).toBe(true)
  expect(windows.take(lane, message(5_000 - topicDefaults.window))).toBe(false)
  expect(windows.take(lane, message(5_000 - topicDefaults.window + 1))).toBe(true)
  expect(windows.take(lane, message(Number.MAX_SAFE_INTEGER))).toBe(true)
  expect(windows.take(lane, message(1))).toBe(false)
})

it('messages of an earlier start, or of a time far from now, are replays', () => {
  const windows = new ReplayWindows(() => now)
  expect(windows.take(lane, message(1, 5, now - topicDefaults.skewMs - 1))).toBe(false)
  expect(windows.take(lane, message(1, 6))).toBe(true)
  expect(windows.take(lane, message(2, 5))).toBe(false)
})

it('a group shares by turns, a relay by the number of its members', () => {
  const turns = new GroupTurns(10)
  const slots = [
    { target: 'here', members: 1 },
    { target: 'relay', members: 2 },
  ]
  const shares = turns.share('g', [0, 1, 2, 3, 4, 5], slots)
  expect(Object.fromEntries(shares)).toEqual({ here: [0, 3], relay: [1, 2, 4, 5] })
  expect(turns.share('g', [0], []).size).toBe(0)
})

it('a slow reader loses its oldest messages, and is told how many', async () => {
  const init = { id: 1, group: undefined, retained: false, buffer: 3, onLost: () => {}, onClose: () => {} }
  const pattern = { pattern: 't', version: undefined, schema: undefined }
  const subscription = new Subscription({ ...init, pattern })
  const from = { peerId: 'p', name: 'p' }
  for (let value = 0; value < 10; value++)
    subscription.push({ topic: 't', value, from, at: 0, retained: false, lost: 0 })
  const got: [unknown, number][] = []
  for await (const { value, lost } of subscription) if (got.push([value, lost]) === 3) break
  expect(got).toEqual([
    [7, 7],
    [8, 0],
    [9, 0],
  ])
})

describe('a message is handled', () => {
  const init = { id: 1, group: undefined, retained: false, buffer: 9, onLost: () => {}, onClose: () => {} }
  const pattern = { pattern: 't', version: undefined, schema: undefined }
  const handled = (ends: unknown[], value: number) => {
    const message = { topic: 't', value, from: { peerId: 'p', name: 'p' }, at: 0, retained: false, lost: 0 }
    const begin = () => ({
      run: <T>(work: () => T) => work(),
      end: (error?: unknown) => ends.push(error ?? value),
    })
    return [message, begin] as const
  }

  it('when its handler has ended, and not when it throws', async () => {
    const subscription = new Subscription({ ...init, pattern })
    const ends: unknown[] = []
    const work = Promise.withResolvers<void>()
    const errors: unknown[] = []
    const handler = ({ value }: { value: unknown }) =>
      value === 1 ? work.promise : Promise.reject(new Error('x'))
    const running = subscription.handle(handler, error => errors.push(error))
    for (const value of [1, 2]) subscription.push(...handled(ends, value))
    await new Promise(setImmediate)
    expect(ends).toEqual([])
    work.resolve()
    await vi.waitFor(() => expect(ends).toEqual([1, new Error('x')]), 20_000)
    expect(errors).toEqual([new Error('x')])
    subscription.close()
    await running
  })

  it('when a loop asks for the next one, or ends', async () => {
    const subscription = new Subscription({ ...init, pattern })
    const ends: unknown[] = []
    for (const value of [1, 2, 3]) subscription.push(...handled(ends, value))
    for await (const { value } of subscription) {
      expect(ends).toHaveLength((value as number) - 1)
      if (value === 2) break
    }
    expect(ends).toEqual([1, 2])
  })
})

it('a peer that does not read costs a bounded queue, which drops its oldest', () => {
  let drain = (): void => {}
  const written: number[] = []
  const stream: Pick<ByteStream, 'writable' | 'send' | 'onDrain'> = {
    writable: true,
    send: chunk => {
      for (const piece of chunk as Uint8Array[]) written.push(piece[0]!)
      return true
    },
    onDrain: callback => (drain = callback),
  }
  const sender = new FrameSender(stream as ByteStream, () => 1_000)
  let lost = 0
  for (let i = 0; i < 10; i++) sender.offer([new Uint8Array(300).fill(i)], () => lost++)
  expect([lost, sender.waiting]).toEqual([7, 900])
  drain()
  expect(written).toEqual([7, 8, 9])
})
