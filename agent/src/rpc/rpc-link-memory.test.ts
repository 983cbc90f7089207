import { describe, expect, it } from 'vitest'
import { collector } from '../core/collector.ts'
import { until } from '../../../test/support/until.ts'
import type { InboundCall } from './calls/inbound-request.ts'
import { bulkBody as body, outcome, patient } from './testing/bulk-calls.ts'
import { linkPairs } from './testing/link-pair.ts'

const collect = collector()

const kib = 1024
describe('memory of a link', () => {
  const pairOf = linkPairs(patient)
  const buffers = (): number => {
    collect()
    return process.memoryUsage().arrayBuffers
  }

  it('lets 64 answers of 900 KB wait for room, and all of them arrive', async () => {
    const { caller, callee } = await pairOf(() => body, { heldBytes: 4 * kib * kib })
    let most = 0
    const watch = setInterval(
      () => (most = Math.max(most, callee.stats.heldBytes, caller.stats.heldBytes)),
      1,
    )
    const before = buffers()
    let mostBuffers = 0
    const calls = Array.from({ length: 64 }, async (_, at) => {
      const answer = await caller.call('a.b', 1)
      if (at % 8 === 0) mostBuffers = Math.max(mostBuffers, buffers() - before)
      return answer === body
    })
    expect(await Promise.all(calls)).toEqual(Array(64).fill(true))
    clearInterval(watch)
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThan(5 * kib * kib)
    expect(mostBuffers).toBeLessThan(64 * body.length)
    expect(callee.stats).toMatchObject({ inbound: 0, heldBytes: 0 })
  })

  it('ends an answer that waits for room at its deadline, or when its caller gives up', async () => {
    const { caller, callee, callerSocket } = await pairOf(() => body, { heldBytes: kib })
    callerSocket.pause()
    const calls = Array.from({ length: 8 }, () => outcome(caller.call('a.b', 1, { timeoutMs: 2_000 })))
    await until(() => callee.stats.inbound === 8)
    await until(() => callee.stats.inbound === 0)
    expect(callee.stats.heldBytes).toBe(0)
    callerSocket.resume()
    expect(await Promise.all(calls)).toEqual(Array(8).fill('deadline_exceeded'))
    expect(await caller.call('a.b', 1)).toBe(body)
  })

  it('keeps no bytes of requests whose params were read, though their handlers wait', async () => {
    const { caller, callee } = await pairOf(call => {
      call.params()
      return new Promise(() => {})
    })
    const bytes = new Uint8Array(1023 * kib)
    const before = buffers()
    const calls: Promise<unknown>[] = []
    for (let sent = 1; sent <= 50; sent++) {
      calls.push(outcome(caller.call('a.b', bytes)))
      await until(() => callee.stats.inbound === sent)
    }
    expect([callee.stats.heldBytes, caller.stats.heldBytes]).toEqual([0, 0])
    await until(() => buffers() - before < 10 * bytes.length)
    callee.close()
    expect(await Promise.all(calls)).toEqual(Array(50).fill('path_lost'))
  })

  it('refuses requests beyond its bytes as not started, and takes them again when others were read', async () => {
    const waiting: InboundCall[] = []
    const { caller, callee } = await pairOf(
      call => {
        waiting.push(call)
        return new Promise(resolve => call.signal.addEventListener('abort', () => resolve(0)))
      },
      { heldBytes: 2 * kib * kib },
    )
    const cancel = new AbortController()
    const calls = Array.from({ length: 3 }, () =>
      outcome(caller.call('a.b', body, { signal: cancel.signal })),
    )
    await until(() => waiting.length === 3)
    expect(callee.stats.heldBytes).toBeGreaterThan(2 * kib * kib)
    expect(await outcome(caller.call('a.b', body))).toBe('overloaded, not started')
    expect(await outcome(caller.call('a.b', 'y'.repeat(2_000)))).toBe('overloaded, not started')
    for (const call of waiting) expect(call.params()).toBe(body)
    expect(() => waiting[0]?.params()).toThrow(expect.objectContaining({ code: 'internal' }))
    expect(callee.stats.heldBytes).toBe(0)
    const next = outcome(caller.call('a.b', body, { signal: cancel.signal }))
    await until(() => waiting.length === 4)
    cancel.abort()
    expect(await Promise.all([...calls, next])).toEqual(Array(4).fill('cancelled'))
    await until(() => callee.stats.heldBytes + caller.stats.heldBytes === 0)
  })
})
