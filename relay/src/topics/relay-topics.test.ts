import { MeshError } from '@agent-mesh/protocol'
import { createLogger } from '@agent-mesh/agent'
import { memoryStreams } from '@agent-mesh/agent/rpc/memory-stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RelayTopics } from './relay-topics.ts'

/** A relay with a link to another one, which answers as the test says. */
let answers: (() => Promise<ReturnType<typeof memoryStreams>[0]>)[]
let opened: number
let topics: RelayTopics

const refused = (code: 'unavailable' | 'unsupported') => () =>
  Promise.reject(new MeshError(code, 'Cannot open a stream'))

function relay(...replies: typeof answers): void {
  answers = replies
  const link = {
    openStream: () => {
      opened++
      return (answers.shift() ?? (() => Promise.resolve(memoryStreams()[0])))()
    },
  }
  const links = { onUp: () => () => {}, onDown: () => () => {}, peers: () => ['other'], best: () => link }
  topics = new RelayTopics({
    ...{ self: 'self', mesh: 'a'.repeat(52), isRelay: () => true, log: createLogger('test', 'silent') },
    transport: { links } as never,
    hub: { authorize: () => {}, allows: () => true, now: Date.now, onLost: () => {} },
  })
}

beforeEach(() => {
  opened = 0
  vi.useFakeTimers()
})
afterEach(async () => {
  await topics.stop()
  vi.useRealTimers()
})

test('a relay that could not be asked is asked again, though its link stays as it is', async () => {
  relay(refused('unavailable'), refused('unavailable'))
  await vi.advanceTimersByTimeAsync(0)
  expect(opened).toBe(1)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(opened).toBe(3)
})

test('a stream to a relay that ends is opened again', async () => {
  const [near, far] = memoryStreams()
  relay(() => Promise.resolve(near))
  await vi.advanceTimersByTimeAsync(0)
  far.close()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(opened).toBe(2)
})

test('a relay without topics is not asked again and again', async () => {
  relay(refused('unsupported'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(opened).toBe(1)
})
