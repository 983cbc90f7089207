import { Encoded } from '@agent-mesh/protocol/wire/index'
import { describe, expect, it, vi } from 'vitest'
import { TimerWheel } from '../core/timer-wheel.ts'
import { ByteBudget } from './byte-budget.ts'
import { memoryStreams } from './memory-stream.ts'
import { Outbox } from './outbox.ts'

const nothing = (): void => {}
const events = { written: nothing, drained: nothing, failed: nothing }

it('calls back once, however often a callback waits', async () => {
  const [stream] = memoryStreams()
  const wheel = new TimerWheel()
  const outbox = new Outbox({ stream, budget: new ByteBudget(1_024), wheel, events })
  const [first, second] = [vi.fn(), vi.fn()]
  for (let n = 0; n < 1_000; n++) outbox.whenOpen(first)
  outbox.whenOpen(second)
  await vi.waitUntil(() => second.mock.calls.length > 0, { timeout: 30_000 })
  expect(first).toHaveBeenCalledOnce()
  wheel.stop()
})

describe('the frames of one tick', () => {
  /** Sends `frames` of so many characters in one tick: how many writes there were before the tick ended, and after it. */
  async function writesOf(frames: number, characters: number): Promise<{ before: number; after: number }> {
    const [stream] = memoryStreams()
    const send = vi.spyOn(stream, 'send')
    const outbox = new Outbox({ stream, budget: new ByteBudget(1_024), wheel: new TimerWheel(), events })
    const body = new Encoded(JSON.stringify('x'.repeat(characters)), undefined)
    for (let id = 1; id <= frames; id++) {
      outbox.encoder.response(id, body)
      outbox.appended()
    }
    const before = send.mock.calls.length
    await Promise.resolve()
    return { before, after: send.mock.calls.length }
  }

  it('leave at its end, where they are few and small', async () => {
    expect(await writesOf(20, 100)).toEqual({ before: 0, after: 1 })
  })

  it('leave before its end in pieces of 4 KiB, so that the peer can begin', async () => {
    expect(await writesOf(80, 100)).toEqual({ before: 2, after: 3 })
  })

  it('leave three at a time where they are large', async () => {
    expect(await writesOf(2, 10_000)).toEqual({ before: 0, after: 1 })
    expect(await writesOf(7, 10_000)).toEqual({ before: 2, after: 3 })
  })

  it('leave in fewer than three where they are very large', async () => {
    expect(await writesOf(2, 40_000)).toEqual({ before: 1, after: 1 })
  })
})
