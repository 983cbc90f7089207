import { MeshError } from '@agent-mesh/protocol'
import { encodeBody } from '@agent-mesh/protocol/wire/index'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import type { OnRequest } from '../../rpc/index.ts'
import { defineService } from '../contract/contract.ts'
import { ServiceCaller } from './service-caller.ts'
import { failing } from '../testing/failing.ts'
import { callerIn, SpecTargets, type TestTargets } from '../testing/fixtures.ts'

const now = () => performance.now()
const random = () => 0

const meshes = new SpecTargets()
const meshOf = (members: Record<string, OnRequest>): TestTargets => meshes.of(members)
afterEach(() => meshes.stop())

const never: OnRequest = () => new Promise(() => {})

const broken: OnRequest = () => {
  throw new MeshError('application', 'Cannot serve')
}

describe('callAll()', () => {
  it('answers with every member, successes beside failures', async () => {
    const mesh = meshOf({ a: () => 1, anonymous: broken, c: never })
    const { results } = await callerIn(mesh).callAll('x.y', undefined, { timeout: 3_000 })
    expect(results).toEqual([
      { peerId: 'a', name: 'a', ok: true, value: 1 },
      { peerId: 'anonymous', ok: false, error: failing('application') },
      { peerId: 'c', name: 'c', ok: false, error: failing('deadline_exceeded') },
    ])
  })

  it('asks as many at a time as it may, and no more', async () => {
    let running = 0
    let most = 0
    const three = Promise.withResolvers<void>()
    const slow: OnRequest = async () => {
      most = Math.max(most, ++running)
      if (running === 3) three.resolve()
      await three.promise
      await new Promise(setImmediate)
      running--
    }
    const mesh = meshOf(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`m${i}`, slow])))
    const { results } = await callerIn(mesh).callAll('x.y', 1, { concurrency: 3, timeout: 10_000 })
    expect(results.every(({ ok }) => ok)).toBe(true)
    expect(most).toBe(3)
  })

  it.each([0, -1, NaN])('refuses %s calls at a time: nobody would be asked', async concurrency => {
    const asked = callerIn(meshOf({ a: () => 1 })).callAll('x.y', 1, { concurrency })
    await expect(asked).rejects.toEqual(failing('invalid_argument'))
  })

  it('asks those believed online, and all when told so', async () => {
    const mesh = meshOf({ a: () => 1, off: () => 2 })
    mesh.offline.add('off')
    const asked = async (offline: boolean) => {
      const { results, skipped } = await callerIn(mesh).callAll('x.y', 1, { offline })
      return [skipped, ...results.map(({ peerId }) => peerId)]
    }
    expect(await asked(false)).toEqual([1, 'a'])
    expect(await asked(true)).toEqual([0, 'a', 'off'])
  })

  it('begins nothing when its time is over', async () => {
    const mesh = meshOf({ a: never, b: never, c: never })
    const { results } = await callerIn(mesh).callAll('x.y', 1, { timeout: 50, concurrency: 1 })
    expect(results).toEqual(
      ['a', 'b', 'c'].map(peerId => ({
        peerId,
        name: peerId,
        ok: false,
        error: failing('deadline_exceeded'),
      })),
    )
    expect(mesh.connects).toEqual(['a'])
  })

  it('checks and encodes the params once', async () => {
    let encoded = 0
    let checked = 0
    const sum = defineService({
      name: 'sum',
      version: 1,
      methods: { up: { params: z.unknown().check(z.refine(() => ++checked > 0)), result: z.unknown() } },
    })
    const mesh = meshOf({ a: () => 1, b: () => 2, c: () => 3 })
    const params = { toJSON: () => ++encoded }
    encodeBody(params, 'once')
    const once = encoded
    const caller = new ServiceCaller({ targets: mesh, contracts: [sum], now, random })
    const { results } = await caller.callAll('sum.up', params)
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true])
    expect([encoded - once, checked]).toEqual([once, 1])
  })

  it('asks nobody when nobody serves the method', async () => {
    expect(await callerIn(meshOf({})).callAll('x.y')).toEqual({ results: [], skipped: 0 })
  })
})
