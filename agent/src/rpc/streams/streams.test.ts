import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import type { OnRequest } from '../calls/inbound-calls.ts'
import { patient } from '../testing/bulk-calls.ts'
import { linkPairs } from '../testing/link-pair.ts'
import { all, yielding } from '../testing/yielding.ts'
import { until } from '../../../../test/support/until.ts'
import type { LinkStreamOptions } from './outbound-stream.ts'

const failing = (code: ErrorCode) => expect.objectContaining({ code }) as unknown

const pairOf = linkPairs(patient)

const counting = yielding(async function* ({ to }: { to: number }) {
  for (let n = 0; n < to; n++) yield n
  return 'counted'
})

describe('a stream', () => {
  it.each([0, 1, 3, 20_000])('brings %i messages in order, and the result', async count => {
    const { caller, callee } = await pairOf(counting)
    const stream = await caller.stream('a.count', { to: count })
    expect(await all(stream.messages)).toEqual(Array.from({ length: count }, (_, n) => n))
    expect(await stream.result).toBe('counted')
    expect([caller.stats.outbound, callee.stats.inbound]).toEqual([0, 0])
  })

  it('brings messages both ways, of any size, JSON and bytes', async () => {
    const { caller } = await pairOf(
      yielding(async function* (_, input) {
        let count = 0
        for await (const message of input) {
          count++
          yield message
        }
        return count
      }),
    )
    const sizes = [0, 1, 100, 2_000, 16_385, 65_536, 300_000, 1024 * 1024 - 4]
    const sent = sizes.flatMap(size => [Buffer.alloc(size, size % 251), 'ü'.repeat(Math.floor(size / 2.1))])
    const stream = await caller.stream('a.echo', undefined, { input: sent })
    const seen = await all(stream.messages)
    expect(seen.length).toBe(sent.length)
    for (const [i, message] of seen.entries())
      expect(
        typeof message === 'string'
          ? message === sent[i]
          : sent[i] instanceof Buffer && sent[i].equals(message as Buffer),
      ).toBe(true)
    expect(await stream.result).toBe(sent.length)
  })

  it('asks for messages only as fast as they are read', async () => {
    let made = 0
    const { caller } = await pairOf(
      yielding(async function* () {
        for (; made < 10_000; made++) yield 'x'.repeat(1_000)
      }),
    )
    const stream = await caller.stream('a.many', 0, { window: 64 * 1024 })
    const iterator = stream.messages[Symbol.asyncIterator]()
    await until(() => made > 40)
    expect(await caller.call('a.plain', 'call')).toBe('call')
    expect(made).toBeLessThan(80)
    for (let n = 0; n < 500; n++) expect((await iterator.next()).done).toBe(false)
    await until(() => made > 500)
    expect(made).toBeLessThan(600)
  })

  it('lets its handler know when the reader leaves, and ends its messages', async () => {
    const left = Promise.withResolvers<unknown>()
    const { caller, callee } = await pairOf(
      yielding(async function* (_, __, signal) {
        signal.addEventListener('abort', () => left.resolve(signal.reason))
        for (let n = 0; ; n++) yield n
      }),
    )
    const stream = await caller.stream('a.endless', 0)
    for await (const n of stream.messages) if (n === 10) break
    expect(await left.promise).toEqual(failing('cancelled'))
    await expect(stream.result).rejects.toEqual(failing('cancelled'))
    await until(() => callee.stats.inbound === 0)
    expect(await all(stream.messages)).toEqual([])
  })

  it.each<[string, (abort: AbortController, cancel: () => void) => void]>([
    ['its signal', abort => abort.abort()],
    ['cancel()', (_, cancel) => cancel()],
  ])('ends by %s, while nothing comes', async (_, end) => {
    const { caller, callee } = await pairOf(
      yielding(async function* (_, __, signal) {
        yield 'first'
        await new Promise(resolve => signal.addEventListener('abort', resolve))
      }),
    )
    const abort = new AbortController()
    const stream = await caller.stream('a.wait', 0, { signal: abort.signal })
    const iterator = stream.messages[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 'first' })
    const next = iterator.next()
    end(abort, () => stream.cancel())
    await expect(next).rejects.toEqual(failing('cancelled'))
    expect((await iterator.next()).done).toBe(true)
    await until(() => callee.stats.inbound === 0)
  })

  it('brings what came before its handler failed, then the error', async () => {
    const { caller } = await pairOf(
      yielding(async function* () {
        yield 1
        throw new MeshError('not_found', 'Cannot tail: no such file')
      }),
    )
    const stream = await caller.stream('a.fail', 0)
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const message of stream.messages) seen.push(message)
    })()
    await expect(reading).rejects.toEqual(failing('not_found'))
    expect(seen).toEqual([1])
    await expect(stream.result).rejects.toEqual(failing('not_found'))
  })

  it.each([
    ['cannot be sent', () => ({ [Symbol.toPrimitive]: 1, n: 1n }), 'invalid_argument'],
    ['is too large', () => 'x'.repeat(1024 * 1024), 'too_large'],
  ] as const)('fails when a message %s', async (_, message, code) => {
    const { caller } = await pairOf(
      yielding(async function* () {
        yield message()
      }),
    )
    const stream = await caller.stream('a.odd', 0)
    await expect(all(stream.messages)).rejects.toEqual(failing(code))
  })

  it('tells its handler why the messages of the caller end early', async () => {
    const { caller } = await pairOf(
      yielding(async function* (_, input) {
        try {
          for await (const message of input) yield message
        } catch (error) {
          yield (error as MeshError).message
        }
      }),
    )
    const input = (async function* () {
      yield 1
      throw new MeshError('application', 'Cannot read the disk')
    })()
    const stream = await caller.stream('a.echo', 0, { input })
    expect(await all(stream.messages)).toEqual([1, 'Cannot read the disk'])
  })

  it('asks the caller for no more messages when its handler reads no more, and goes on', async () => {
    const { caller } = await pairOf(
      yielding(async function* (_, input) {
        for await (const message of input) {
          yield message
          break
        }
        yield 'after'
        return 'end'
      }),
    )
    let ended = false
    const input = (async function* () {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        ended = true
      }
    })()
    const stream = await caller.stream('a.first', 0, { input })
    expect(await all(stream.messages)).toEqual([0, 'after'])
    expect(await stream.result).toBe('end')
    await until(() => ended)
  })

  it('ends with path_lost at both ends when the link breaks', async () => {
    const ends: unknown[] = []
    const { caller, calleeSocket } = await pairOf(
      yielding(async function* (_, input, signal) {
        signal.addEventListener('abort', () => ends.push(signal.reason))
        yield 'open'
        for await (const message of input) ends.push(message)
      }),
    )
    const input = (async function* () {
      await new Promise(() => {})
      yield 0
    })()
    const stream = await caller.stream('a.open', 0, { input })
    const iterator = stream.messages[Symbol.asyncIterator]()
    await iterator.next()
    const next = iterator.next()
    calleeSocket.destroy(new Error('cable'))
    await expect(next).rejects.toEqual(failing('path_lost'))
    await expect(stream.result).rejects.toEqual(failing('path_lost'))
    await until(() => ends.length > 0)
    expect(ends).toEqual([failing('path_lost')])
  })

  it('is finished by a peer that goes away, and no other begins', async () => {
    const { caller, callee } = await pairOf(counting)
    const stream = await caller.stream('a.count', { to: 5_000 })
    const gone = callee.goAway()
    expect((await all(stream.messages)).length).toBe(5_000)
    await gone
    await expect(caller.stream('a.count', { to: 1 })).rejects.toEqual(failing('going_away'))
  })

  it('has no deadline but its own', async () => {
    const waiting: OnRequest = yielding(async function* (_, __, signal) {
      yield await new Promise(resolve => signal.addEventListener('abort', resolve))
    })
    const { caller, callee } = await pairOf(waiting)
    const options: LinkStreamOptions = { timeoutMs: 5_000, endsAt: performance.now() + 3_000 }
    const stream = await caller.stream('a.wait', 0, options)
    const endless = await caller.stream('a.wait', 0, { timeoutMs: 2_000 })
    await expect(all(stream.messages)).rejects.toEqual(failing('deadline_exceeded'))
    await until(() => callee.stats.inbound === 1)
    endless.cancel()
    await until(() => callee.stats.inbound === 0)
  })

  it('does not begin when its handler is not begun in time', async () => {
    const { caller } = await pairOf(() => new Promise(() => {}))
    await expect(caller.stream('a.wait', 0, { timeoutMs: 40 })).rejects.toEqual(failing('deadline_exceeded'))
  })
})

describe('many streams', () => {
  const idle: OnRequest = yielding(async function* (_, __, signal) {
    yield await new Promise(resolve => signal.addEventListener('abort', resolve))
  })

  it('find room for a thousand on one link, and are refused as not started beyond it', async () => {
    const { caller, callee } = await pairOf(idle)
    const open = await Promise.all(Array.from({ length: 1_000 }, () => caller.stream('a.idle', 0)))
    const opening = Array.from({ length: 9_000 }, () => caller.stream('a.idle', 0))
    const refused = await Promise.allSettled(opening)
    const outcomes = refused.map(each =>
      each.status === 'fulfilled' ? 'ok' : (each.reason as MeshError).code,
    )
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'overloaded']))
    expect(outcomes.filter(code => code === 'ok').length).toBeLessThanOrEqual(24)
    expect(await caller.call('a.plain', 'call')).toBe('call')
    for (const stream of open) stream.cancel()
    await until(() => callee.stats.inbound <= 24)
    expect((await caller.stream('a.idle', 0)).messages).toBeDefined()
  })

  it('share a link: one that nobody reads holds up no other', async () => {
    const { caller } = await pairOf(counting)
    const unread = await caller.stream('a.count', { to: 1_000_000 })
    for (let n = 0; n < 20; n++) {
      const stream = await caller.stream('a.count', { to: 1_000 })
      expect((await all(stream.messages)).length).toBe(1_000)
    }
    unread.cancel()
  })
})
