import { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { OnRequest } from '../../rpc/index.ts'
import { CachedDocs } from '../testing/cached-docs.ts'
import { SpecTargets } from '../testing/fixtures.ts'
import { explanationOf } from './explanation.ts'
import { Balancer } from '../balance/balancer.ts'
import { resilienceOf } from '../balance/resilience.ts'
import { defineService } from '../contract/contract.ts'
import { Hedging } from './hedging.ts'
import { ServiceCaller } from './service-caller.ts'

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

const callerOf = (members: Record<string, OnRequest>, ...doubtful: string[]) => {
  const targets = meshes.of(members)
  for (const name of doubtful) targets.doubtful.add(name)
  return new ServiceCaller({ targets, now: () => performance.now(), random: () => 0 })
}
const leaving: OnRequest = () => {
  throw new MeshError('going_away', 'Cannot serve: going away', { notStarted: true })
}

describe('an explained call', () => {
  it('lists each try with its phases, and what was known of each provider', async () => {
    const caller = callerOf({ a: leaving, b: () => 'b', c: () => 'c' }, 'c')
    const { value, explanation } = await caller.ask('x.y', 1, { explain: true })
    expect(value).toBe('b')
    expect(explanation).toMatchObject({
      service: 'x',
      tries: [
        {
          peerId: 'a',
          code: 'going_away',
          message: 'Cannot serve: going away',
          candidates: [
            { peerId: 'a', score: 0, inFlight: 0 },
            { peerId: 'b', score: 0, inFlight: 0, rejected: 'not drawn' },
            { peerId: 'c', rejected: 'doubtful' },
          ],
        },
        { peerId: 'b', code: 'ok', candidates: [{ peerId: 'b' }, { peerId: 'a', rejected: 'tried' }, {}] },
      ],
    })
    const [first, second] = explanation!.tries
    for (const { connectMs, answerMs } of [first!, second!]) {
      expect(connectMs).toBeGreaterThan(0)
      expect(answerMs).toBeGreaterThan(0)
    }
    expect(second!.chosenMs).toBeGreaterThanOrEqual(first!.connectMs! + first!.answerMs!)
    expect(explanation!.ms).toBeGreaterThanOrEqual(second!.chosenMs)
  })

  it('that failed is explained, too', async () => {
    const failing: OnRequest = () => {
      throw new MeshError('permission_denied', 'Cannot serve')
    }
    const error: unknown = await callerOf({ a: failing })
      .ask('x.y', 1, { explain: true })
      .catch((thrown: unknown) => thrown)
    expect(explanationOf(error as MeshError)).toMatchObject({
      tries: [{ peerId: 'a', code: 'permission_denied' }],
    })
    const nobody: unknown = await callerOf({})
      .ask('x.y', 1, { explain: true })
      .catch((thrown: unknown) => thrown)
    expect(explanationOf(nobody as MeshError)).toMatchObject({ service: 'x', tries: [] })
  })

  it('asks a provider, whatever is cached', async () => {
    const mesh = new CachedDocs()
    try {
      expect([await mesh.text('x'), await mesh.text('x')]).toEqual(['x 1', 'x 1'])
      const { explanation } = await mesh.caller.ask('docs.get', { id: 'x' }, { explain: true })
      expect([mesh.asked.length, explanation]).toMatchObject([2, { tries: [{ peerId: 'a', code: 'ok' }] }])
    } finally {
      mesh.stop()
    }
  })

  it('says which try was beside another, and which one another one outran', async () => {
    const caller = new ServiceCaller({
      targets: meshes.of({ a: () => new Promise(() => {}), b: () => 'b' }),
      hedging: new Hedging(1),
      now: () => performance.now(),
      random: () => 0,
    })
    const options = { explain: true, idempotent: true, hedge: { afterMs: 1 } }
    const { explanation } = await caller.ask('x.y', 1, options)
    const [first, second] = explanation!.tries
    expect(first).toMatchObject({ peerId: 'a', code: undefined, message: undefined })
    expect(first).not.toHaveProperty('beside')
    expect(second).toMatchObject({ peerId: 'b', code: 'ok', beside: 'hedge' })
  })

  it('says of a member with too many calls that none was sent', async () => {
    const resilience = resilienceOf({ perCallee: 1 })
    const now = () => performance.now()
    const balancer = new Balancer({ random: () => 0, resilience })
    let release = () => {}
    const held = new Promise<void>(resolve => (release = resolve))
    const targets = meshes.of({ a: () => held })
    const caller = new ServiceCaller({ targets, balancer, now, random: () => 0 })
    const first = caller.call('x.y', 1)
    const error: unknown = await caller.ask('x.y', 1, { explain: true }).catch((thrown: unknown) => thrown)
    expect(explanationOf(error as MeshError)!.tries[0]).toMatchObject({ peerId: 'a', code: 'overloaded' })
    release()
    await first
  })

  it('is the only one that is', async () => {
    expect(await callerOf({ a: () => 1 }).ask('x.y', 1)).not.toHaveProperty('explanation')
  })
})

describe('a call with a fallback', () => {
  const failing: OnRequest = () => {
    throw new MeshError('application', 'Cannot serve')
  }

  it('gives the value of the fallback, or what that throws, once no try is left', async () => {
    const caller = callerOf({ a: failing })
    expect(await caller.call('x.y', 1, { fallback: ({ code }) => `instead of ${code}` })).toBe(
      'instead of application',
    )
    const other = new Error('other')
    const rethrown = caller.call('x.y', 1, { fallback: () => Promise.reject(other) })
    await expect(rethrown).rejects.toBe(other)
    expect(await callerOf({ a: () => 1 }).call('x.y', 1, { fallback: () => 2 })).toBe(1)
  })

  it('is given it whether its failure is known at once or later, but not for params and options that are wrong', async () => {
    const code = async (method: string, options: object) =>
      callerOf({ a: failing })
        .call(method, 1, { ...options, fallback: ({ code }) => `instead of ${code}` })
        .catch((error: MeshError) => error.code)
    expect(await code('x.y', { peer: 'nobody' })).toBe('instead of not_found')
    expect(await code('x.y', { key: 5 })).toBe('invalid_argument')
    const params = {
      '~standard': { version: 1, vendor: 'spec', validate: () => ({ issues: [{ message: 'wrong' }] }) },
    } as const
    const later = {
      '~standard': {
        ...params['~standard'],
        validate: () => Promise.resolve({ issues: [{ message: 'wrong' }] }),
      },
    }
    const methods = { now: { params, result: params }, later: { params: later, result: params } }
    const odd = callerOf({ a: failing }).service(defineService({ name: 'odd', version: 1, methods }))
    for (const call of [odd.now, odd.later])
      await expect(call(1 as never, { fallback: () => 2 as never })).rejects.toMatchObject({
        code: 'invalid_argument',
      })
  })

  it('that was cancelled has no use for one', async () => {
    const call = callerOf({ a: failing }).call('x.y', 1, { signal: AbortSignal.abort(), fallback: () => 2 })
    await expect(call).rejects.toMatchObject({ code: 'cancelled' })
  })
})
