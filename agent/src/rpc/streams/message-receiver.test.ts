import { MeshError } from '@agent-mesh/protocol'
import { dataFrameCost, type DataFrame } from '@agent-mesh/protocol/wire/index'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { collector } from '../../core/collector.ts'
import { ByteBudget } from '../byte-budget.ts'
import { MessageReceiver, type MessageReceiverInit } from './message-receiver.ts'
import { ReceiveWindow } from './window.ts'

const total = 1024 * 1024

let budget: ByteBudget
/** Credit given, and why the program left, in order. */
let credits: number[]
let left: (MeshError | undefined)[]

beforeEach(() => {
  budget = new ByteBudget(total)
  credits = []
  left = []
})

function receiverOf(init: Partial<MessageReceiverInit> = {}) {
  const window = new ReceiveWindow(budget, 1_024)
  const credit = window.open(0)
  return new MessageReceiver({
    ...{ window, credit, now: () => 0, rttMs: () => undefined },
    giveCredit: bytes => void credits.push(bytes),
    onLeft: error => void left.push(error),
    ...init,
  })
}

function frame(text: string, more = false): DataFrame {
  const chunk = Buffer.from(text)
  return { type: 'data', id: 1, own: false, tail: false, more, chunk, start: 0, end: chunk.length } as never
}
const value = (of: unknown) => ({ done: false, value: of })
const over = { done: true, value: undefined }
const lost = new MeshError('path_lost', 'Cannot read: the link broke')
const malformed = expect.objectContaining({ code: 'protocol_error' }) as Error

describe('the messages of a stream', () => {
  it('come in order, whether they are asked for before or after, and of several frames as one', async () => {
    const receiver = receiverOf()
    const asked = [receiver.next(), receiver.next()]
    for (const text of ['1', '2', '3']) receiver.onData(frame(text))
    receiver.onData(frame('{"a":', true))
    receiver.onData(frame('4}'))
    expect(await Promise.all(asked)).toEqual([value(1), value(2)])
    expect([await receiver.next(), await receiver.next()]).toEqual([value(3), value({ a: 4 })])
  })

  it('that came before the end are read, then the end, or its error once', async () => {
    for (const error of [undefined, lost]) {
      const receiver = receiverOf()
      receiver.onData(frame('1'))
      receiver.onEnd(error)
      expect(await receiver.next()).toEqual(value(1))
      if (error !== undefined) await expect(receiver.next()).rejects.toBe(lost)
      expect(await receiver.next()).toEqual(over)
    }
  })

  it('are dropped when it fails, and its error is thrown once, to the first that waits or asks', async () => {
    const receiver = receiverOf()
    const asked = [receiver.next(), receiver.next()]
    receiver.fail(lost)
    await expect(asked[0]).rejects.toBe(lost)
    expect([await asked[1], await receiver.next()]).toEqual([over, over])
    const other = receiverOf()
    other.onData(frame('1'))
    other.fail(lost)
    await expect(other.next()).rejects.toBe(lost)
  })

  it('do not change when the chunk that brought them does', async () => {
    const receiver = receiverOf()
    const { chunk, ...rest } = frame('"kept"')
    receiver.onData({ ...rest, chunk })
    await new Promise(setImmediate)
    chunk.fill(0)
    expect(await receiver.next()).toEqual(value('kept'))
  })

  it('are let go of as they are read, although others always wait', async () => {
    const collect = collector()
    const buffers = (): number => (collect(), process.memoryUsage().arrayBuffers)
    const receiver = receiverOf({ credit: 1024 * total })
    const text = JSON.stringify('x'.repeat(total / 4))
    receiver.onData(frame(text))
    const before = buffers()
    for (let read = 0; read < 100; read++) {
      receiver.onData(frame(text))
      await new Promise(setImmediate)
      await receiver.next()
    }
    await vi.waitUntil(() => buffers() - before < 4 * total, { timeout: 20_000, interval: 50 })
  })
})

describe('a reader', () => {
  it('gives credit back as it reads, never for what it has not read', async () => {
    const receiver = receiverOf()
    const body = JSON.stringify('x'.repeat(400))
    for (let sent = 0; sent < 2; sent++) receiver.onData(frame(body))
    expect(credits).toEqual([])
    await receiver.next()
    await receiver.next()
    expect(credits.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(
      2 * (body.length + dataFrameCost),
    )
    expect(credits.length).toBeGreaterThan(0)
  })

  it('that leaves is reported once, gives its window back, and gets nothing more', async () => {
    const receiver = receiverOf()
    receiver.onData(frame('1'))
    const waiting = receiverOf()
    const asked = waiting.next()
    for (const each of [receiver, waiting, receiver]) expect(await each.return()).toEqual(over)
    receiver.onData(frame('2'))
    expect([await receiver.next(), await asked, left, budget.left]).toEqual([
      ...[over, over],
      [undefined, undefined],
      total,
    ])
  })

  it.each([
    [
      'at once',
      () => {
        throw lost
      },
    ],
    ['later', () => Promise.reject(lost)],
  ])('whose check refuses a message %s ends the stream with that error', async (_, read) => {
    const receiver = receiverOf({ read })
    receiver.onData(frame('1'))
    receiver.onData(frame('2'))
    await expect(receiver.next()).rejects.toBe(lost)
    expect([await receiver.next(), left, budget.left]).toEqual([over, [lost], total])
  })
})

describe('a sender that breaks the rules', () => {
  it('by more bytes than its credit is refused', () => {
    const receiver = receiverOf()
    expect(() => receiver.onData(frame(`"${'x'.repeat(1_024)}"`))).toThrow(malformed)
  })

  it('by messages, or a second end, behind the end is refused', () => {
    const receiver = receiverOf()
    receiver.onEnd()
    expect(() => receiver.onData(frame('1'))).toThrow(malformed)
    expect(() => receiver.onEnd()).toThrow(malformed)
  })

  it('by a message that takes more memory than there is ends the stream as overloaded', async () => {
    budget = new ByteBudget(1_024)
    const receiver = receiverOf()
    receiver.onData(frame('"x', true))
    await expect(receiver.next()).rejects.toMatchObject({ code: 'overloaded' })
    expect([left, budget.left]).toEqual([[expect.objectContaining({ code: 'overloaded' })], 1_024])
  })
})
