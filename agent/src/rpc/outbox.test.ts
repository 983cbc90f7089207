import { expect, it, vi } from 'vitest'
import { TimerWheel } from '../core/timer-wheel.ts'
import { ByteBudget } from './byte-budget.ts'
import { memoryStreams } from './memory-stream.ts'
import { Outbox } from './outbox.ts'

it('calls back once, however often a callback waits', async () => {
  const [stream] = memoryStreams()
  const wheel = new TimerWheel()
  const nothing = () => {}
  const events = { written: nothing, drained: nothing, failed: nothing }
  const outbox = new Outbox({ stream, budget: new ByteBudget(1_024), wheel, events })
  const [first, second] = [vi.fn(), vi.fn()]
  for (let n = 0; n < 1_000; n++) outbox.whenOpen(first)
  outbox.whenOpen(second)
  await vi.waitUntil(() => second.mock.calls.length > 0, { timeout: 30_000 })
  expect(first).toHaveBeenCalledOnce()
  wheel.stop()
})
