import type { ErrorCode, Subject } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod/mini'
import { linkPair, type LinkPair } from '../../rpc/testing/link-pair.ts'
import { MethodLimiter } from './call-limiter.ts'
import type { ServeOptions } from '../contract/concurrency.ts'
import { defineService } from '../contract/contract.ts'
import { Dispatcher } from './dispatcher.ts'
import { ServiceRegistry } from './service-registry.ts'
import { allowAll, ops } from '../testing/fixtures.ts'

const now = () => performance.now()
const any = { params: z.any(), result: z.any() }
const contract = defineService({ name: 'slow', version: 1, methods: { work: any, other: any } })

const pairs: LinkPair[] = []
afterEach(() => {
  for (const pair of pairs.splice(0)) pair.stop()
})

/** No call is shed before it meets the limiter, however long the machine lets the process wait. */
const patient = { mostWaitMs: 60_000, standingWaitMs: 60_000 }

/** How long a call may wait for room: no machine is so busy that it takes longer by itself. */
const mostWaitMs = 60_000

/** A service whose calls end on request. */
class Callee {
  readonly ends: (() => void)[] = []
  /** Of the calls begun. */
  readonly params: unknown[] = []
  readonly limiter: MethodLimiter
  refused = 0
  /** So much longer have calls waited for room, as the limiter sees it. */
  skippedMs = 0
  readonly #dispatcher: Dispatcher

  constructor(options: ServeOptions) {
    this.limiter = new MethodLimiter({
      now: () => now() + this.skippedMs,
      onRefused: () => this.refused++,
      options: { mostWaitMs },
    })
    const registry = new ServiceRegistry()
    const work = (params: unknown) => {
      this.params.push(params)
      return new Promise<void>(resolve => this.ends.push(resolve))
    }
    registry.serve(contract, { work, other: () => 'quick' }, options)
    this.#dispatcher = new Dispatcher({ registry, authorize: allowAll, limiter: this.limiter, now })
  }

  async link(caller: Subject = { ...ops }) {
    const pair = await linkPair(this.#dispatcher.handlerFor(caller), {}, patient)
    pairs.push(pair)
    return pair.caller
  }

  begun = (count: number) => vi.waitUntil(() => this.ends.length === count, { timeout: 20_000 })
}

const codesOf = async (calls: readonly Promise<unknown>[]): Promise<string[]> =>
  Promise.all(
    calls.map(async call =>
      call.then(
        () => 'ok',
        (error: { code: ErrorCode; notStarted: boolean }) => `${error.code} ${error.notStarted}`,
      ),
    ),
  )

describe('a limit on the calls of a method', () => {
  it('refuses what finds no room in time, not started, and lets in what does', async () => {
    const callee = new Callee({ concurrency: { work: 2 } })
    const link = await callee.link()
    const calls = Array.from({ length: 4 }, () => link.call('slow.work', 1))
    await callee.begun(2)
    expect(await link.call('slow.other', 1)).toBe('quick')
    const settled = codesOf(calls)
    callee.skippedMs = mostWaitMs
    await vi.waitUntil(() => callee.refused === 2, { timeout: 20_000 })
    callee.skippedMs = 0
    const late = link.call('slow.work', 1)
    await link.ping()
    callee.ends[0]!()
    await callee.begun(3)
    callee.ends.forEach(end => end())
    expect(await settled).toEqual(['ok', 'ok', 'overloaded true', 'overloaded true'])
    await late
    expect([...callee.limiter.limits()]).toEqual([['slow.work', 2]])
  })

  it('is forgotten with its method, whose running calls end as they would', async () => {
    const callee = new Callee({ concurrency: { work: 2 } })
    const link = await callee.link()
    const call = link.call('slow.work', 1)
    await callee.begun(1)
    callee.limiter.keep(({ method }) => method === 'slow.work')
    expect([...callee.limiter.limits()]).toHaveLength(1)
    callee.limiter.keep(() => false)
    expect([...callee.limiter.limits()]).toEqual([])
    callee.ends[0]!()
    await call
  })

  it('lets callers take turns', async () => {
    const callee = new Callee({ concurrency: 1 })
    const [flood, quiet] = [await callee.link(), await callee.link()]
    const calls = [flood.call('slow.work', 'first')]
    await callee.begun(1)
    for (let n = 0; n < 20; n++) calls.push(flood.call('slow.work', 'flood'))
    await flood.ping()
    calls.push(quiet.call('slow.work', 'quiet'))
    await quiet.ping()
    for (let count = 1; count <= calls.length; count++) {
      await callee.begun(count)
      callee.ends[count - 1]!()
    }
    expect(await codesOf(calls)).toEqual(calls.map(() => 'ok'))
    expect(callee.params.slice(0, 3)).toEqual(['first', 'flood', 'quiet'])
  })

  it('does no harm to 1,000 calls that wait, whatever came before', async () => {
    const callee = new Callee({})
    const link = await callee.link()
    for (let round = 0; round < 30; round++) {
      const calls = Array.from({ length: 3 }, () => link.call('slow.work', 1))
      await callee.begun(3)
      callee.ends.splice(0).forEach(end => end())
      await Promise.all(calls)
    }
    const polls = Array.from({ length: 1_000 }, () => link.call('slow.work', 1))
    await callee.begun(1_000)
    callee.ends.splice(0).forEach(end => end())
    expect(new Set(await codesOf(polls))).toEqual(new Set(['ok']))
    expect(callee.refused).toBe(0)
  })

  it('sheds new calls while a hook gives a reason, and runs those of methods without a limit', async () => {
    const callee = new Callee({ concurrency: { other: 'unlimited' } })
    let reason: string | undefined = 'its memory is nearly full'
    callee.limiter.shedWhen(() => reason)
    const link = await callee.link()
    expect(await codesOf([link.call('slow.work', 1)])).toEqual(['overloaded true'])
    expect(await link.call('slow.other', 1)).toBe('quick')
    reason = undefined
    const call = link.call('slow.work', 1)
    await callee.begun(1)
    callee.ends[0]!()
    await call
  })

  it('sheds new streams, too, which have no limit of their own', () => {
    const limiter = new MethodLimiter({ now: () => 0 })
    limiter.shedWhen(() => 'its memory is nearly full')
    const of = (stream: object | undefined) => {
      const served = { method: 'log.tail', concurrency: 'unlimited', stream }
      return () => limiter.acquire(served as never, {} as never, {} as never)
    }
    expect(of({})).toThrow(expect.objectContaining({ code: 'overloaded', notStarted: true }) as Error)
    expect(of(undefined)).not.toThrow()
  })

  it('is none where a service says so, and a mistake where it says nonsense', () => {
    const refusal = expect.objectContaining({ code: 'invalid_argument' }) as Error
    for (const concurrency of [0, -1, 1.5, Number.NaN, 'many', { nothing: 1 }])
      expect(() => new Callee({ concurrency } as ServeOptions)).toThrow(refusal)
    expect(() => new Callee({ concurrency: { work: 'unlimited', other: 'auto' } })).not.toThrow()
  })
})
