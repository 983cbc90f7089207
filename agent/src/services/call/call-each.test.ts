import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import type { OnRequest } from '../../rpc/index.ts'
import { failing } from '../testing/failing.ts'
import { callerIn, math, SpecTargets, type TestTargets } from '../testing/fixtures.ts'
import type { CallAllResult, CallAllResults } from './call-all.ts'
import { ServiceCaller } from './service-caller.ts'

const now = () => performance.now()
const random = () => 0

const meshes = new SpecTargets()
const meshOf = (members: Record<string, OnRequest>): TestTargets => meshes.of(members)
afterEach(() => meshes.stop())

const each = true as const

/** A handler that answers when the test says so. */
function later() {
  const { promise, resolve } = Promise.withResolvers<string>()
  return { handler: () => promise, answer: resolve }
}

/** Calls that are never answered. */
class Endless {
  begun = 0
  cancelled = 0
  readonly handler: OnRequest = ({ signal }) => {
    this.begun++
    signal.addEventListener('abort', () => this.cancelled++)
    return new Promise(() => {})
  }
}

async function all(results: AsyncIterable<CallAllResult>): Promise<CallAllResult[]> {
  const seen: CallAllResult[] = []
  for await (const result of results) seen.push(result)
  return seen
}

describe('callAll() with each', () => {
  it('yields results as they come, a failure beside successes', async () => {
    const slow = later()
    const mesh = meshOf({ slow: slow.handler, quick: () => 'quick', off: () => 'off' })
    mesh.offline.add('off')
    const seen: CallAllResult[] = []
    for await (const result of callerIn(mesh).callAll('x.y', 1, { each })) {
      seen.push(result)
      slow.answer('slow')
    }
    expect(seen).toEqual([
      { peerId: 'quick', name: 'quick', ok: true, value: 'quick' },
      { peerId: 'slow', name: 'slow', ok: true, value: 'slow' },
    ])
  })

  it('is typed by the contract, beside the call that waits for all', async () => {
    const caller = new ServiceCaller({ targets: meshOf({ a: () => 3 }), contracts: [math], now, random })
    const sums = caller.callAll('math.add', { a: 1, b: 2 }, { each })
    expectTypeOf(sums).toEqualTypeOf<AsyncIterable<CallAllResult<number>>>()
    const all = caller.callAll('math.add', { a: 1, b: 2 }, { timeout: 5_000 })
    expectTypeOf(all).toEqualTypeOf<Promise<CallAllResults<number>>>()
    // @ts-expect-error -- b is a number
    const odd = caller.callAll('math.add', { a: 1, b: '2' }, { each })
    await expect(odd[Symbol.asyncIterator]().next()).rejects.toEqual(failing('invalid_argument'))
    for await (const sum of sums) expect(sum).toMatchObject({ ok: true, value: 3 })
    expect((await all).results).toHaveLength(1)
  })

  it('cancels the calls in flight and makes no more once its reader leaves the loop', async () => {
    const endless = new Endless()
    const { handler } = endless
    const mesh = meshOf({ a: () => 'a', b: handler, c: handler, d: handler })
    for await (const result of callerIn(mesh).callAll('x.y', 1, { each, concurrency: 3 })) {
      expect(result).toMatchObject({ peerId: 'a' })
      await vi.waitUntil(() => endless.begun === 2, { timeout: 30_000 })
      break
    }
    await vi.waitUntil(() => endless.cancelled === 2, { timeout: 30_000 })
    expect(mesh.connects).toEqual(['a', 'b', 'c'])
  })

  it('ends what waits when its signal does', async () => {
    const { handler } = new Endless()
    const mesh = meshOf({ a: handler, b: handler })
    const stop = new AbortController()
    const results = callerIn(mesh).callAll('x.y', 1, { each, signal: stop.signal })
    const seen = all(results)
    await vi.waitUntil(() => mesh.connects.length === 2, { timeout: 30_000 })
    stop.abort()
    expect((await seen).map(result => !result.ok && result.error)).toEqual([
      failing('cancelled'),
      failing('cancelled'),
    ])
  })

  it('asks no more ahead of its reader than it may at a time', async () => {
    const members = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`m${i}`, () => i]))
    const mesh = meshOf(members)
    let read = 0
    for await (const { ok } of callerIn(mesh).callAll('x.y', 1, { each, concurrency: 2 })) {
      expect([ok, mesh.connects.length <= ++read + 1]).toEqual([true, true])
      await new Promise(setImmediate)
    }
    expect(read).toBe(9)
  })

  it.each([0, -1, NaN])('refuses %s calls at a time', async concurrency => {
    const results = callerIn(meshOf({ a: () => 1 })).callAll('x.y', 1, { each, concurrency })
    await expect(all(results)).rejects.toEqual(failing('invalid_argument'))
  })
})
