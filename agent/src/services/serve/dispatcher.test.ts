import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod/mini'
import { linkPair, type LinkPair } from '../../rpc/testing/link-pair.ts'
import type { CallContext } from '../contract/call-context.ts'
import { defineService, type ServiceContract } from '../contract/contract.ts'
import { Dispatcher, type DispatcherInit, type HandlerFailure } from './dispatcher.ts'
import { ServiceRegistry } from './service-registry.ts'
import { allowAll, denyUnless, math, ops } from '../testing/fixtures.ts'

const now = () => performance.now()
const failing = (code: ErrorCode, message?: string) =>
  expect.objectContaining(message === undefined ? { code } : { code, message }) as unknown

const pairs: LinkPair[] = []
afterEach(() => {
  for (const pair of pairs.splice(0)) pair.stop()
})

const mathRegistry = (): ServiceRegistry => {
  const registry = new ServiceRegistry()
  registry.serve(math, {
    add: ({ a, b }) => a + b,
    divide: async ({ a, b }, { caller, remainingMs, method }) => {
      if (b === 0) throw new Error(`${caller.name} divides by zero in ${method}, ${remainingMs > 0}`)
      return a / b
    },
  })
  return registry
}

/** Calls over a real socket what the dispatcher serves to `ops`. */
async function served(init: Partial<DispatcherInit>): Promise<LinkPair['caller']> {
  const dispatcher = new Dispatcher({ registry: mathRegistry(), authorize: allowAll, now, ...init })
  const pair = await linkPair(dispatcher.handlerFor(ops))
  pairs.push(pair)
  return pair.caller
}

const failed = expect.stringMatching(
  /^Cannot call math\.add: its handler failed, failure [0-9a-f]{12}$/,
) as string
const never = (code: ErrorCode, notStarted = false): never => {
  throw new MeshError(code, 'Cannot call b.c: x', { notStarted })
}
/** As the query builders of databases: runs when it is awaited. */
const query = (error: Error) => ({ then: (_: unknown, reject: (error: Error) => void) => reject(error) })

describe('dispatcher', () => {
  it('serves a method by name and by name with version', async () => {
    const link = await served({})
    expect(await link.call('math.add', { a: 2, b: 3 })).toBe(5)
    expect(await link.call('math@2.add', { a: 2, b: 3 })).toBe(5)
    expect(await link.call('math.divide', { a: 6, b: 3 })).toBe(2)
    await expect(link.call('math@1.add', {})).rejects.toEqual(failing('unsupported'))
  })

  it('denies everybody everything when no policy is known', async () => {
    const dispatcher = new Dispatcher({ registry: mathRegistry(), now })
    const pair = await linkPair(dispatcher.handlerFor(ops))
    pairs.push(pair)
    await expect(pair.caller.call('math.add', { a: 1, b: 2 })).rejects.toEqual(failing('permission_denied'))
  })

  it('asks the policy about service:math.add whatever version is called, before it looks at the params', async () => {
    const link = await served({ authorize: denyUnless('service:math.add') })
    expect(await link.call('math@2.add', { a: 2, b: 3 })).toBe(5)
    await expect(link.call('math.divide', 'no params')).rejects.toEqual(failing('permission_denied'))
  })

  it('does not tell the denied whether a method is served', async () => {
    const link = await served({ authorize: denyUnless('service:other') })
    for (const method of ['math.add', 'math@9.add', 'none.such', 'x', '.', '@.'])
      await expect(link.call(method, {})).rejects.toEqual(failing('permission_denied'))
  })

  it('refuses params that do not fit, naming where', async () => {
    const link = await served({})
    await expect(link.call('math.add', { a: '2', b: 3 })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/^Cannot call math\.add: a: /) as string,
    })
  })

  it('tells the caller of a failed handler an id alone, under which the callee has what was thrown', async () => {
    let failure: HandlerFailure | undefined
    const link = await served({ onFailure: told => void (failure = told) })
    const error = (await link.call('math.divide', { a: 1, b: 0 }).catch((e: unknown) => e)) as MeshError
    expect(failure).toMatchObject({
      method: 'math.divide',
      caller: ops,
      failure: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
    })
    expect(String(failure?.thrown)).toBe('Error: ops divides by zero in math.divide, true')
    expect(error).toMatchObject({
      code: 'internal',
      message: `Cannot call math.divide: its handler failed, failure ${failure?.failure}`,
      details: { failure: failure?.failure },
    })
    expect(JSON.stringify(error)).not.toContain('zero')
  })

  it('says of all that it refuses that the handler was not begun', async () => {
    const link = await served({ authorize: denyUnless('service:math.add') })
    const refused = async (method: string, params: unknown) =>
      expect(await link.call(method, params).catch((error: unknown) => error)).toMatchObject({
        notStarted: true,
      })
    await refused('math.divide', { a: 1, b: 1 })
    await refused('math.add', { a: 'x' })
    const limiter = {
      acquire: ({ method }: { method: string }) => {
        throw new MeshError('overloaded', `Cannot call ${method}: shed`)
      },
    }
    await expect((await served({ limiter })).call('math.add', {})).rejects.toMatchObject({ notStarted: true })
    await expect((await served({})).call('math.nothing', {})).rejects.toMatchObject({
      code: 'unsupported',
      notStarted: true,
    })
  })

  it.each<[string, () => unknown, ErrorCode, string]>([
    ['a code of its own call', () => never('unavailable'), 'unavailable', 'Cannot call b.c: x'],
    ['a call that never began', () => never('overloaded', true), 'overloaded', 'Cannot call b.c: x'],
    [
      'its own timeout',
      () => Promise.reject(new DOMException('slow query', 'TimeoutError')),
      'internal',
      failed,
    ],
    [
      'an abort of its own',
      () => Promise.reject(new DOMException('stopped', 'AbortError')),
      'internal',
      failed,
    ],
    ['no error at all', () => Promise.reject({ message: 'no rows' }), 'internal', failed],
    ['the rejection of a query', () => query(new Error('no table')), 'internal', failed],
  ])("tells what a handler threw as the handler's: %s", async (_, fails, code, message) => {
    const seen: string[] = []
    const metrics = {
      callEnded: (_side: string, method: string, ended: string) => void seen.push(`${method} ${ended}`),
      callRetried: () => {},
    }
    const registry = new ServiceRegistry()
    registry.serve(math, { add: fails as () => number, divide: () => 0 })
    const link = await served({ registry, metrics })
    const error: unknown = await link.call('math.add', { a: 1, b: 1 }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, message, notStarted: false, told: true })
    expect(seen).toEqual([`math.add ${code}`])
  })

  it('runs a query that a handler returns once', async () => {
    let runs = 0
    const lazy = {
      then: (resolve: (value: number) => void) => {
        runs++
        resolve(7)
      },
    }
    const registry = new ServiceRegistry()
    registry.serve(math, { add: () => lazy as never, divide: () => 0 })
    expect(await (await served({ registry })).call('math.add', { a: 1, b: 1 })).toBe(7)
    expect(runs).toBe(1)
  })

  it('waits for schemas that check asynchronously', async () => {
    const slow = defineService({
      name: 'slow',
      version: 1,
      methods: { even: { params: z.number().check(z.refine(async n => n % 2 === 0)), result: z.number() } },
    })
    const registry = new ServiceRegistry()
    registry.serve(slow, { even: n => n })
    const link = await served({ registry })
    expect(await link.call('slow.even', 2)).toBe(2)
    await expect(link.call('slow.even', 3)).rejects.toEqual(failing('invalid_argument'))
  })

  it('does not blame a handler that stops because its caller gave up', async () => {
    const registry = new ServiceRegistry()
    const wait = (_: unknown, { signal }: CallContext): Promise<number> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')))
      })
    registry.serve(math, { add: wait, divide: () => 0 })
    const seen: string[] = []
    const metrics = {
      callEnded: (_side: string, method: string, code: string) => void seen.push(`${method} ${code}`),
      callRetried: () => {},
    }
    const link = await served({ registry, metrics })
    const giveUp = new AbortController()
    const call = link.call('math.add', { a: 1, b: 1 }, { signal: giveUp.signal })
    await link.ping()
    giveUp.abort()
    await expect(call).rejects.toEqual(failing('cancelled'))
    await vi.waitFor(() => expect(seen).toEqual(['math.add cancelled']), 20_000)
  })

  it('counts every call once, and names from outside as unknown', async () => {
    const seen: string[] = []
    const metrics = {
      callEnded: (side: string, method: string, code: string) => void seen.push(`${side} ${method} ${code}`),
      callRetried: () => {},
    }
    const link = await served({ metrics })
    await link.call('math@2.add', { a: 1, b: 1 })
    await link.call('math.divide', { a: 1, b: 0 }).catch(() => {})
    await link.call('made.up', 1).catch(() => {})
    expect(seen).toEqual(['callee math.add ok', 'callee math.divide internal', 'callee unknown unsupported'])
  })

  it('lets the limiter refuse a call before its params are read, and tells it when one ends', async () => {
    const events: string[] = []
    const limiter = {
      acquire: ({ method }: { method: string }) => {
        if (events.length > 0) throw new MeshError('overloaded', `Cannot call ${method}: shed`)
        events.push('in')
        return { release: () => void events.push('out') }
      },
    }
    const link = await served({ limiter })
    await link.call('math.divide', { a: 1, b: 1 })
    await expect(link.call('math.add', {})).rejects.toEqual(failing('overloaded'))
    expect(events).toEqual(['in', 'out'])
  })

  it('starts no handler for a caller that gave up while its params were checked or it waited for room', async () => {
    const checking = Promise.withResolvers<boolean>()
    const room = Promise.withResolvers<{ release(): void }>()
    let begun = 0
    const slow = defineService({
      name: 'slow',
      version: 1,
      methods: {
        check: { params: z.any().check(z.refine(() => checking.promise)), result: z.any() },
        wait: { params: z.any(), result: z.any() },
      },
    })
    const registry = new ServiceRegistry()
    const work = () => ++begun
    registry.serve(slow, { check: work, wait: work })
    const ended: string[] = []
    const link = await served({
      registry,
      limiter: { acquire: ({ method }) => (method === 'slow.wait' ? room.promise : { release: () => {} }) },
      metrics: {
        callEnded: (_side, method, code) => void ended.push(`${method} ${code}`),
        callRetried: () => {},
      },
    })
    const controller = new AbortController()
    const { signal } = controller
    const calls = ['slow.check', 'slow.wait'].map(method => link.call(method, 1, { signal }))
    await link.ping()
    controller.abort()
    for (const call of calls) await expect(call).rejects.toEqual(failing('cancelled'))
    await link.ping()
    checking.resolve(true)
    room.resolve({ release: () => {} })
    await vi.waitUntil(() => ended.length === 2, 20_000)
    expect(ended.sort()).toEqual(['slow.check cancelled', 'slow.wait cancelled'])
    expect(begun).toBe(0)
  })
})

describe('service registry', () => {
  it('serves the newest version under the plain name and goes back when that ends', () => {
    const changes: string[][] = []
    const registry = new ServiceRegistry()
    registry.onChange(() => changes.push(registry.refs))
    const v3 = { ...math, version: 3 }
    const handlers = { add: () => 0, divide: () => 0 }
    registry.serve(math, handlers)
    const end = registry.serve(v3, handlers)
    const newest = registry.find('math.add')
    expect(newest).toBe(registry.find('math@3.add'))
    expect(() => registry.serve(v3, handlers)).toThrow(failing('conflict') as Error)
    end()
    end()
    expect(registry.find('math.add')).toBe(registry.find('math@2.add'))
    expect(changes).toEqual([['math@2'], ['math@2', 'math@3'], ['math@2']])
  })

  it('refuses contracts that no record can carry and handlers that are missing', () => {
    const registry = new ServiceRegistry()
    const bad: ServiceContract[] = [
      { ...math, name: 'Math' },
      { ...math, version: 0 },
      { ...math, methods: { 'a.b': math.methods.add } },
    ]
    for (const contract of bad)
      expect(() => defineService(contract)).toThrow(failing('invalid_argument') as Error)
    const missing = { add: () => 1 } as unknown as { add: () => number; divide: () => number }
    expect(() => registry.serve(math, missing)).toThrow(failing('invalid_argument') as Error)
    expect(registry.refs).toEqual([])
  })
})
