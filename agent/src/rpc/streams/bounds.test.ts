/** What streams may hold in memory, with both ends in this process. */
import { encodeBody } from '@agent-mesh/protocol/wire/index'
import { describe, expect, it, vi } from 'vitest'
import { collector } from '../../core/collector.ts'
import { patient } from '../testing/bulk-calls.ts'
import { linkPairs } from '../testing/link-pair.ts'

const collect = collector()
const mib = 1024 * 1024

const pairOf = linkPairs(patient)

const held = (): number => {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** What is held once the collector is through: it frees buffers in the background. */
async function settled(): Promise<number> {
  let least = Infinity
  await vi.waitUntil(() => least === (least = Math.min(least, held())), { timeout: 30_000, interval: 50 })
  return least
}

it('a reader that stops holds its sender back, and reads all of it later', async () => {
  const total = 256
  let made = 0
  const { caller } = await pairOf(call => {
    call.stream?.begin()
    const chunks = (function* () {
      for (; made < total; made++) yield new Uint8Array(mib / 4)
    })()
    return call.stream?.sendAll(chunks, chunk => encodeBody(chunk, 'chunk'))
  })
  const before = await settled()
  const stream = await caller.stream('a.bytes', 0)
  let read = 0
  for (; read < 20; read++) await stream.messages.next()
  let last = -1
  // It has stopped when nothing more is made from one look to the next.
  await vi.waitUntil(() => last === (last = made), { timeout: 30_000, interval: 100 })
  expect(made).toBeLessThan(total / 2)
  expect((await settled()) - before).toBeLessThan(16 * mib)
  for await (const chunk of stream.messages) {
    expect((chunk as Uint8Array).byteLength).toBe(mib / 4)
    read++
  }
  expect(read).toBe(total)
})

it('a thousand open streams without messages take less than 2 MiB an end', async () => {
  const { caller, callee } = await pairOf(call => {
    call.stream?.begin()
    return new Promise(resolve => call.signal.addEventListener('abort', resolve))
  })
  const open = async (count: number) =>
    Promise.all(Array.from({ length: count }, () => caller.stream('a.idle', 0)))
  // Tables that grow with the first thousand keep their size.
  for (const stream of await open(1_000)) stream.cancel()
  await vi.waitUntil(() => callee.stats.inbound === 0, { timeout: 30_000 })
  // Other specs share the heap: what they leave behind must not count.
  let least = Infinity
  for (let round = 0; round < 3; round++) {
    const before = await settled()
    const streams = await open(1_000)
    least = Math.min(least, (await settled()) - before)
    expect(callee.stats.inbound).toBe(1_000)
    for (const stream of streams) stream.cancel()
    await vi.waitUntil(() => callee.stats.inbound === 0, { timeout: 30_000 })
  }
  expect(least).toBeLessThan(2 * 2 * mib)
})

it('messages of a generator share writes, though each is made in a tick of its own', async () => {
  const { caller, callee } = await pairOf(async call => {
    call.stream?.begin()
    const messages = (async function* () {
      for (let n = 0; n < 10_000; n++) yield n
    })()
    return call.stream?.sendAll(messages, message => encodeBody(message, 'message'))
  })
  const stream = await caller.stream('a.count', 0)
  let seen = 0
  for await (const message of stream.messages) if (message === seen) seen++
  expect(seen).toBe(10_000)
  expect(callee.stats.writes).toBeLessThan(10_000 / 20)
})

it('a stream that ends while its peer does not read frees the message that it was sending', async () => {
  const ended = Promise.withResolvers<string>()
  const { caller, callee, callerSocket } = await pairOf(call => {
    call.stream!.begin()
    const chunks = (function* () {
      for (;;) yield new Uint8Array(mib / 4)
    })()
    const sending = call.stream!.sendAll(chunks, chunk => encodeBody(chunk, 'chunk'))
    return Promise.race([sending, ended.promise])
  })
  const stream = await caller.stream('a.bytes', 0, { window: 4 * mib })
  const reading = (async () => {
    for await (const chunk of stream.messages) if ((chunk as Uint8Array).length === 0) return
  })()
  callerSocket.pause()
  let last = -1
  // It waits for the socket when nothing more is written from one look to the next.
  const stuck = () => callee.stats.heldBytes > 0 && last === (last = callee.stats.bytesSent)
  await vi.waitUntil(stuck, { timeout: 30_000, interval: 100 })
  ended.resolve('ended')
  await vi.waitUntil(() => callee.stats.heldBytes === 0, { timeout: 30_000, interval: 5 })
  callerSocket.resume()
  await reading
  expect(await stream.result).toBe('ended')
})

describe('a message for which there is no memory left', () => {
  const large = new Uint8Array(mib / 4)
  const limits = { streamBytes: 16 * 1024 }
  const overloaded = { code: 'overloaded' }

  it('fails at a handler that reads, for which an end would mean all messages', async () => {
    const { caller } = await pairOf(async call => {
      let read = 0
      for await (const message of call.stream!.begin()) read += (message as Uint8Array).byteLength
      return read
    }, limits)
    const stream = await caller.stream('a.sum', 0, { input: [new Uint8Array(1), large] })
    await expect(stream.result).rejects.toMatchObject(overloaded)
  })

  it('fails at a caller that reads', async () => {
    const { caller } = await pairOf(call => {
      call.stream!.begin()
      return call.stream!.sendAll([large], bytes => encodeBody(bytes, 'bytes'))
    }, limits)
    const { messages, result } = await caller.stream('a.bytes', 0)
    await expect(messages.next()).rejects.toMatchObject(overloaded)
    await expect(result).rejects.toMatchObject(overloaded)
    expect(await messages.next()).toEqual({ done: true, value: undefined })
  })
})
