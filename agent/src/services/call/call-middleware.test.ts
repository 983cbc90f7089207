import { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { OnRequest } from '../../rpc/index.ts'
import { CachedDocs } from '../testing/cached-docs.ts'
import { failing } from '../testing/failing.ts'
import { math, SpecTargets } from '../testing/fixtures.ts'
import { ServiceCaller } from './service-caller.ts'

const now = () => performance.now()

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

const add: OnRequest = call => {
  const { a, b } = call.params() as { a: number; b: number }
  return a + b
}
const params = { a: 1, b: 2 }

function meshOf(members: Record<string, OnRequest> = { m: add }) {
  const targets = meshes.of(members)
  return {
    targets,
    caller: new ServiceCaller({ targets, self: 'self', contracts: [math], now, random: () => 0 }),
  }
}

describe('middleware at the caller', () => {
  it('runs around each call in the order in which it was added, until it is removed', async () => {
    const { caller } = meshOf()
    const seen: string[] = []
    const offs = ['outer', 'inner'].map(name =>
      caller.use(async ({ method, peer }, next) => {
        seen.push(`${name} ${method} ${peer}`)
        const sum = await next()
        seen.push(`${name} ${sum as number}`)
        return sum
      }),
    )
    expect(await caller.call('math.add', params)).toBe(3)
    expect(seen.splice(0)).toEqual([
      'outer math.add undefined',
      'inner math.add undefined',
      'inner 3',
      'outer 3',
    ])
    offs[0]?.()
    expect(await caller.service(math).add(params, { peer: 'm' })).toBe(3)
    expect(seen.splice(0)).toEqual(['inner math.add m', 'inner 3'])
    offs[1]?.()
    await caller.call('math.add', params)
    expect(seen).toEqual([])
  })

  it('may change the params, which are checked again, and the result', async () => {
    const { caller, targets } = meshOf()
    const off = caller.use(async (call, next) => {
      const { a, b } = call.params as typeof params
      return ((await next({ a: a * 10, b })) as number) + 0.5
    })
    expect(await caller.call('math.add', params)).toBe(12.5)
    expect(await caller.ask('math.add', params)).toMatchObject({ value: 12.5, peerId: 'm', attempts: 1 })
    off()
    caller.use((_, next) => next({ a: 'x' }))
    const before = targets.connects.length
    await expect(caller.call('math.add', params)).rejects.toEqual(failing('invalid_argument', 'math.add'))
    expect(targets.connects).toHaveLength(before)
  })

  it('comes after the check of the params, and may answer or refuse by itself', async () => {
    const { caller, targets } = meshOf()
    let ran = 0
    const off = caller.use(() => ++ran)
    await expect(caller.call('math.add', { a: 'x' } as never)).rejects.toEqual(failing('invalid_argument'))
    expect(ran).toBe(0)
    const answer = await caller.ask('math.add', params)
    expect(answer).toEqual({ value: 1, peerId: 'self', path: undefined, attempts: 0 })
    off()
    caller.use(() => {
      throw new MeshError('permission_denied', 'Cannot call math.add: not on Sundays')
    })
    await expect(caller.call('math.add', params)).rejects.toEqual(failing('permission_denied', 'Sundays'))
    expect(await caller.call('math.add', params, { fallback: () => 7 })).toBe(7)
    expect(targets.connects).toEqual([])
  })

  it('comes before the cache', async () => {
    const docs = new CachedDocs()
    let ran = 0
    docs.caller.use((_, next) => {
      ran++
      return next()
    })
    for (let i = 0; i < 3; i++) expect(await docs.text('7')).toBe('7 1')
    expect([ran, docs.asked.length]).toEqual([3, 1])
    docs.stop()
  })

  it('runs for each member of callAll', async () => {
    const { caller } = meshOf({ m: add, n: add })
    caller.use(async ({ peer }, next) => `${peer} ${(await next()) as number}`)
    const { results } = await caller.callAll('math.add', params)
    expect(results.map(result => result.ok && result.value)).toEqual(['m 3', 'n 3'])
  })

  it('goes on once', async () => {
    const { caller, targets } = meshOf()
    caller.use(async (_, next) => {
      await next()
      return next()
    })
    await expect(caller.call('math.add', params)).rejects.toEqual(failing('conflict', 'next()'))
    expect(targets.connects).toEqual(['m'])
  })

  it('that waits ends with the deadline of its call, and with its signal', async () => {
    const { caller } = meshOf()
    const signals: AbortSignal[] = []
    caller.use(({ signal, remainingMs, deadline }) => {
      signals.push(signal)
      expect([remainingMs > 0, deadline > now()]).toEqual([true, true])
      return new Promise(() => {})
    })
    const late = caller.call('math.add', params, { timeout: 500 })
    await expect(late).rejects.toEqual(failing('deadline_exceeded'))
    const stop = new AbortController()
    const given = caller.call('math.add', params, { signal: stop.signal })
    stop.abort()
    await expect(given).rejects.toEqual(failing('cancelled'))
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('that throws what is no MeshError fails the call with internal', async () => {
    const { caller } = meshOf()
    caller.use(() => {
      throw new TypeError('x is undefined')
    })
    await expect(caller.call('math.add', params)).rejects.toEqual(failing('internal'))
  })
})
