import { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { ServiceCaller } from '../call/service-caller.ts'
import { defineService } from '../contract/contract.ts'
import { failing } from '../testing/failing.ts'
import { allowAll, denyUnless, math, ops, SpecTargets } from '../testing/fixtures.ts'
import { Dispatcher, type DispatcherInit, type HandlerFailure } from './dispatcher.ts'
import { ServiceRegistry } from './service-registry.ts'

const now = () => performance.now()

const files = defineService({
  name: 'files',
  version: 1,
  methods: { tail: { params: z.number(), yields: z.string(), result: z.number() } },
})

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

/** A caller, and a member that serves. */
function mesh(init: Partial<DispatcherInit> = {}) {
  const registry = new ServiceRegistry()
  const handled: unknown[] = []
  registry.serve(math, {
    add: ({ a, b }) => {
      handled.push([a, b])
      return a + b
    },
    divide: ({ a, b }) => a / b,
  })
  registry.serve(files, {
    tail: async function* (lines) {
      for (let n = 1; n <= lines; n++) yield `line ${n}`
      return lines
    },
  })
  const dispatcher = new Dispatcher({ registry, authorize: allowAll, now, ...init })
  const targets = meshes.of({ m: dispatcher.handlerFor(ops) })
  return { dispatcher, handled, caller: new ServiceCaller({ targets, now, random: () => 0 }) }
}

const params = { a: 1, b: 2 }

describe('middleware at the callee', () => {
  it('runs around each call that the policy allows, in the order in which it was added', async () => {
    const { dispatcher, caller } = mesh({ authorize: denyUnless('service:math.add') })
    const seen: string[] = []
    const offs = ['outer', 'inner'].map(name =>
      dispatcher.use(async (call, next) => {
        seen.push(`${name} ${call.method} ${call.caller.name} ${call.metadata['app']}`)
        expect([call.signal.aborted, call.remainingMs > 0, call.deadline > now()]).toEqual([
          false,
          true,
          true,
        ])
        return ((await next()) as number) * 2
      }),
    )
    expect(await caller.call('math.add', params, { metadata: { app: 'desk' } })).toBe(12)
    expect(seen.splice(0)).toEqual(['outer math.add ops desk', 'inner math.add ops desk'])
    await expect(caller.call('math.divide', params, { timeout: 20_000 })).rejects.toEqual(
      failing('permission_denied'),
    )
    for (const off of offs) off()
    expect(await caller.call('math.add', params)).toBe(3)
    expect(seen).toEqual([])
  })

  it('may change the params, which are checked after it', async () => {
    const { dispatcher, caller, handled } = mesh()
    dispatcher.use((call, next) => next({ ...(call.params as object), b: call.metadata['b'] ?? 5 }))
    expect(await caller.call('math.add', { a: 1 })).toBe(6)
    const odd = caller.call('math.add', params, { metadata: { b: 'x' } })
    await expect(odd).rejects.toEqual(failing('invalid_argument', 'math.add'))
    expect(handled).toEqual([[1, 5]])
  })

  it('may refuse with a code of its own, before any handler began; other failures stay in the log', async () => {
    const failures: HandlerFailure[] = []
    const { dispatcher, caller, handled } = mesh({ onFailure: failure => failures.push(failure) })
    const off = dispatcher.use(() => {
      throw new MeshError('not_found', 'Cannot call math.add: there is no such tenant')
    })
    await expect(caller.call('math.add', params)).rejects.toMatchObject({
      code: 'not_found',
      notStarted: true,
    })
    off()
    dispatcher.use(() => Promise.reject(new TypeError('secret')))
    await expect(caller.call('math.add', params)).rejects.toEqual(failing('internal', 'failure'))
    expect([handled, failures.map(({ method }) => method)]).toEqual([[], ['math.add']])
  })

  it('goes on once, and not for a caller that gave up', async () => {
    const { dispatcher, caller, handled } = mesh()
    const off = dispatcher.use(async (_, next) => {
      await next()
      return next()
    })
    await expect(caller.call('math.add', params)).rejects.toEqual(failing('conflict', 'next()'))
    expect(handled.splice(0)).toHaveLength(1)
    off()
    const asked = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<unknown>()
    dispatcher.use(async ({ signal }, next) => {
      asked.resolve()
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      const result = next()
      ended.resolve(result.catch((error: unknown) => error))
      return result
    })
    const stop = new AbortController()
    const given = caller.call('math.add', params, { signal: stop.signal })
    await asked.promise
    stop.abort()
    await expect(given).rejects.toEqual(failing('cancelled'))
    expect(await ended.promise).toEqual(failing('cancelled'))
    expect(handled).toEqual([])
  })

  it('runs around streams, too, which it may refuse and not answer', async () => {
    const { dispatcher, caller } = mesh()
    const results: unknown[] = []
    const off = dispatcher.use(async (_, next) => {
      const result = await next()
      results.push(result)
      return result
    })
    const seen: unknown[] = []
    const stream = caller.stream('files.tail', 2)
    for await (const line of stream) seen.push(line)
    expect([seen, await stream.result, results]).toEqual([['line 1', 'line 2'], 2, [2]])
    off()
    dispatcher.use(() => 7)
    await expect(caller.stream('files.tail', 2).result).rejects.toEqual(failing('unsupported', 'stream'))
  })
})
