/** Streams of contracts: from `stream()` to the generator of a handler and back, over real sockets. */
import { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import * as z from 'zod/mini'
import type { CallContext } from '../contract/call-context.ts'
import { defineService } from '../contract/contract.ts'
import type { Handlers } from '../contract/typed.ts'
import type { Authorize } from '../serve/authorize.ts'
import { Dispatcher } from '../serve/dispatcher.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { failing } from '../testing/failing.ts'
import { allowAll, denyUnless, ops, SpecTargets } from '../testing/fixtures.ts'
import { ServiceCaller } from './service-caller.ts'

const now = () => performance.now()

const files = defineService({
  name: 'files',
  version: 1,
  methods: {
    tail: { params: z.object({ lines: z.number() }), yields: z.string(), result: z.number() },
    sync: {
      params: z.optional(z.string()),
      takes: z.object({ n: z.number() }),
      yields: z.number(),
      result: z.object({ read: z.number() }),
    },
    store: { params: z.string(), takes: z.instanceof(Uint8Array), result: z.number() },
    size: { params: z.string(), result: z.number() },
  },
})

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

const handlers: Handlers<typeof files.methods> = {
  async *tail({ lines }, ctx) {
    expectTypeOf(ctx.input).toEqualTypeOf<AsyncIterableIterator<never, undefined>>()
    for (let n = 0; n < lines; n++) yield `line ${n}`
    return lines
  },
  async *sync(_, ctx) {
    let read = 0
    for await (const { n } of ctx.input) {
      read++
      yield n * 2
    }
    return { read }
  },
  store: async (_, ctx) => {
    let bytes = 0
    for await (const chunk of ctx.input) bytes += chunk.byteLength
    return bytes
  },
  size: name => name.length,
}

interface Init {
  readonly handlers?: Partial<Handlers<typeof files.methods>>
  readonly authorize?: Authorize
}

/** A caller, and members that serve files. */
function meshOf(...members: Init[]) {
  const targets = meshes.of({})
  for (const [i, { handlers: own, authorize = allowAll }] of members.entries()) {
    const registry = new ServiceRegistry()
    registry.serve(files, { ...handlers, ...own })
    targets.add(`m${i}`, new Dispatcher({ registry, authorize, now }).handlerFor(ops))
  }
  return { targets, caller: new ServiceCaller({ targets, contracts: [files], now, random: () => 0 }) }
}

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = []
  for await (const message of messages) seen.push(message)
  return seen
}

describe('stream()', () => {
  it('brings what a generator yields, typed, and its result', async () => {
    const { caller } = meshOf({})
    const stream = caller.stream('files.tail', { lines: 3 })
    expectTypeOf(stream[Symbol.asyncIterator]().next).returns.resolves.toEqualTypeOf<
      IteratorResult<string, undefined>
    >()
    expectTypeOf(stream.result).toEqualTypeOf<Promise<number>>()
    expect(await all(stream)).toEqual(['line 0', 'line 1', 'line 2'])
    expect([await stream.result, stream.peerId]).toEqual([3, 'm0'])
  })

  it('takes what the caller sends, from any iterable, and as a method of a service', async () => {
    const { caller } = meshOf({})
    const input = [{ n: 1 }, { n: 2 }]
    const stream = caller.service(files).sync('all', { input })
    expectTypeOf(stream.result).toEqualTypeOf<Promise<{ read: number }>>()
    expect(await all(stream)).toEqual([2, 4])
    expect(await stream.result).toEqual({ read: 2 })
    const bytes = (async function* () {
      for (let n = 0; n < 40; n++) yield new Uint8Array(50_000)
    })()
    expect(await caller.stream('files.store', 'a', { input: bytes }).result).toBe(2_000_000)
  })

  it('compiles for methods that stream alone, with messages that fit', () => {
    const { caller } = meshOf({})
    const never = (): boolean => false
    if (never()) {
      // @ts-expect-error -- it streams
      void caller.call('files.tail', { lines: 1 })
      // @ts-expect-error -- it does not stream
      caller.stream('files.size', 'a')
      // @ts-expect-error -- n is a number
      caller.stream('files.sync', undefined, { input: [{ n: 'one' }] })
      // @ts-expect-error -- it takes no messages
      caller.stream('files.tail', { lines: 1 }, { input: ['a'] })
    }
    const numbers = async function* () {
      yield 1
      return 1
    }
    // @ts-expect-error -- it must yield texts
    const odd: Handlers<typeof files.methods>['tail'] = numbers
    expect(odd).toBeDefined()
  })

  it.each<[string, Partial<Handlers<typeof files.methods>>, unknown]>([
    [
      'a message that its schema refuses, at its callee',
      {
        tail: async function* () {
          yield 7 as unknown as string
          return 0
        },
      },
      failing('application', 'Cannot send a message of files.tail'),
    ],
    [
      'a handler that yields nothing that can be iterated',
      { tail: (() => 7) as never },
      failing('invalid_argument', 'it is no iterable'),
    ],
    [
      'a handler that throws before it yields',
      {
        tail: () => {
          throw new MeshError('not_found', 'Cannot tail: no such file')
        },
      },
      failing('not_found', 'no such file'),
    ],
    [
      'a result that does not fit',
      {
        tail: async function* () {
          yield 'a'
          return 'b' as unknown as number
        },
      },
      undefined,
    ],
  ])('fails for %s', async (_, own, expected) => {
    const { caller } = meshOf({ handlers: own })
    const stream = caller.stream('files.tail', { lines: 1 })
    const read = await all(stream).catch((error: unknown) => error)
    if (expected !== undefined) expect(read).toEqual(expected)
    await expect(stream.result).rejects.toEqual(expected ?? failing('protocol_error', 'use the result of'))
  })

  it('refuses params and messages of the caller that do not fit, before and while it sends', async () => {
    const { caller } = meshOf({})
    const odd = caller.stream('files.tail', { lines: 'x' as unknown as number })
    await expect(all(odd)).rejects.toEqual(failing('invalid_argument', 'lines'))
    const input = [{ n: 1 }, { n: 'two' as unknown as number }]
    await expect(all(caller.stream('files.sync', undefined, { input }))).rejects.toEqual(
      failing('invalid_argument', 'send a message to'),
    )
    const bytes = caller.stream('files.store', 'a', { input: new Uint8Array(3) as never })
    await expect(bytes.result).rejects.toEqual(failing('invalid_argument', 'bytes are one message'))
    const narrow = caller.stream('files.tail', { lines: 1 }, { window: 10 })
    await expect(narrow.result).rejects.toEqual(failing('invalid_argument', 'its window is 10'))
  })

  it('checks what a callee sends', async () => {
    const loose = defineService({
      ...files,
      methods: { ...files.methods, tail: { ...files.methods.tail, yields: z.unknown() } },
    })
    const registry = new ServiceRegistry()
    registry.serve(loose, {
      ...handlers,
      tail: async function* () {
        yield 7
        return 0
      },
    })
    const targets = meshes.of({ m: new Dispatcher({ registry, authorize: allowAll, now }).handlerFor(ops) })
    const caller = new ServiceCaller({ targets, contracts: [files], now, random: Math.random })
    const stream = caller.stream('files.tail', { lines: 1 })
    await expect(all(stream)).rejects.toEqual(failing('protocol_error', 'use a message of files.tail'))
  })

  it('tells a call from a stream at the callee, too', async () => {
    const { targets } = meshOf({})
    const untyped = new ServiceCaller({ targets, now, random: () => 0 })
    await expect(untyped.call('files.tail', { lines: 1 })).rejects.toEqual(
      failing('invalid_argument', 'streams'),
    )
    await expect(untyped.stream('files.size', 'a').result).rejects.toEqual(
      failing('invalid_argument', 'does not stream'),
    )
    expect(await all(untyped.stream('files.tail', { lines: 1 }))).toEqual(['line 0'])
  })

  it('is refused by the policy before its handler begins', async () => {
    const { caller } = meshOf({ authorize: denyUnless('service:other.method') })
    await expect(all(caller.stream('files.tail', { lines: 1 }))).rejects.toEqual(failing('permission_denied'))
  })

  it('opens at another member when one refuses it, and asks for no message before', async () => {
    const shed: Authorize = () => {
      throw new MeshError('overloaded', 'Cannot serve: it is busy', { notStarted: true })
    }
    const { caller } = meshOf({ authorize: shed }, {})
    let asked = 0
    const input = (function* () {
      for (; asked < 3; asked++) yield { n: asked }
    })()
    const stream = caller.stream('files.sync', undefined, { input })
    expect(await all(stream)).toEqual([0, 2, 4])
    expect(stream.peerId).toBe('m1')
  })

  it('shares the retry budget of calls', async () => {
    const shed: Authorize = () => {
      throw new MeshError('overloaded', 'Cannot serve: it is busy', { notStarted: true })
    }
    const { targets } = meshOf({ authorize: shed }, { authorize: shed })
    let retries = 0
    const metrics = { callEnded: () => {}, callRetried: () => void retries++ }
    const caller = new ServiceCaller({ targets, contracts: [files], metrics, now, random: () => 0 })
    const each = Array.from({ length: 30 })
    const spent = new AbortController()
    const calls = each.map(() => caller.call('files.size', 'a', { timeout: 60_000, signal: spent.signal }))
    await vi.waitUntil(() => retries >= 10, { timeout: 20_000 })
    // The others wait until the budget allows one more.
    spent.abort()
    await Promise.allSettled(calls)
    retries = 0
    await Promise.allSettled(
      each.map(() => caller.stream('files.tail', { lines: 1 }, { timeout: 1_000 }).result),
    )
    // A fifth of 30, and probes: the calls have spent the reserve of 10.
    expect(retries).toBeLessThan(10)
    caller.stop()
  })

  it('can be cancelled before its handler has begun, and while it runs', async () => {
    const contexts: CallContext[] = []
    const waiting = {
      tail: async function* (_: unknown, ctx: CallContext) {
        contexts.push(ctx)
        yield 'first'
        await new Promise(resolve => ctx.signal.addEventListener('abort', resolve))
        return 0
      },
    } as Partial<Handlers<typeof files.methods>>
    const { caller } = meshOf({ handlers: waiting })
    const early = caller.stream('files.tail', { lines: 1 })
    early.cancel()
    await expect(all(early)).rejects.toEqual(failing('cancelled'))
    const late = caller.stream('files.tail', { lines: 1 })
    expect(await late.next()).toEqual({ done: false, value: 'first' })
    late.cancel()
    await expect(late.next()).rejects.toEqual(failing('cancelled'))
    await expect(late.result).rejects.toEqual(failing('cancelled'))
    await vi.waitUntil(() => contexts.every(({ signal }) => signal.aborted), { timeout: 20_000 })
  })

  it('has the deadline that its caller gives, and none without', async () => {
    const left: number[] = []
    const endless = {
      tail: async function* (_: unknown, ctx: CallContext) {
        left.push(ctx.remainingMs)
        await new Promise(resolve => ctx.signal.addEventListener('abort', resolve))
        yield 'never'
        return 0
      },
    } as Partial<Handlers<typeof files.methods>>
    const { caller } = meshOf({ handlers: endless })
    const timed = caller.stream('files.tail', { lines: 1 }, { timeout: 2_000 })
    const open = caller.stream('files.tail', { lines: 1 })
    await expect(all(timed)).rejects.toEqual(failing('deadline_exceeded'))
    open.cancel()
    await expect(open.result).rejects.toEqual(failing('cancelled'))
    expect(left[0]).toBeLessThanOrEqual(2_000)
    expect(left[1]).toBe(Infinity)
  })
})
