import { MeshError } from '@agent-mesh/protocol/errors'
import { encodeBody } from '@agent-mesh/protocol/wire/index'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { TimerWheel } from '../../core/timer-wheel.ts'
import { ByteBudget } from '../byte-budget.ts'
import { memoryStreams } from '../memory-stream.ts'
import { Outbox } from '../outbox.ts'
import { MessageSender } from './message-sender.ts'
import { sendAll } from './send-all.ts'

const wheel = new TimerWheel()
afterEach(() => wheel.stop())

function sender(): MessageSender {
  const [stream] = memoryStreams()
  const nothing = () => {}
  const events = { written: nothing, drained: nothing, failed: nothing }
  const outbox = new Outbox({ stream, budget: new ByteBudget(1_024), wheel, events })
  return new MessageSender({ id: 1, fromCallee: true, outbox, credit: 64 * 1024 })
}

/** An iterator that is neither a generator nor of promises of its own kind. */
const thenables = (values: readonly unknown[]) => ({
  at: 0,
  next() {
    const result = { done: this.at >= values.length, value: values[this.at++] }
    return { then: (resolve: (value: unknown) => void) => void queueMicrotask(() => resolve(result)) }
  },
})

describe('sendAll', () => {
  it('sends messages that are there already in one go, and no promise between them', async () => {
    const encode = vi.fn((value: unknown) => encodeBody(value, 'message'))
    const sent = sendAll(Array(100).fill('x').values(), sender(), encode)
    expect(encode).toHaveBeenCalledTimes(100)
    await sent
  })

  it('waits for an iterator that answers with anything that has a then', async () => {
    const seen: unknown[] = []
    const encode = (value: unknown) => {
      seen.push(value)
      return encodeBody(value, 'message')
    }
    await sendAll(thenables(['a', 'b']) as unknown as AsyncIterator<unknown>, sender(), encode)
    expect(seen).toEqual(['a', 'b'])
  })

  it.each([undefined, null, 5])('fails with an iterator whose next() resolves with %s', async step => {
    const next = vi.fn(() => Promise.resolve(step))
    // Beyond these a failing run could do nothing but ask.
    const source = { next: () => (next.mock.calls.length > 10 ? Promise.reject(new Error('again')) : next()) }
    const sent = sendAll(source as unknown as AsyncIterator<unknown>, sender(), value =>
      encodeBody(value, 'message'),
    )
    await expect(sent).rejects.toThrow(`resolved with ${step}`)
    expect(next).toHaveBeenCalledOnce()
  })

  it('ends a generator that closes its own stream while it runs', async () => {
    const own = sender()
    const ended = vi.fn()
    const closing = function* () {
      try {
        own.close(new MeshError('cancelled', 'Cannot send: the stream is cancelled'))
        yield 'one'
        yield 'two'
      } finally {
        ended()
      }
    }
    await expect(sendAll(closing(), own, value => encodeBody(value, 'message'))).rejects.toThrow('cancelled')
    expect(ended).toHaveBeenCalledOnce()
  })
})
