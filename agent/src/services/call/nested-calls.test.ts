/** What a handler's own calls take over from the call that it serves. */
import type { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod/mini'
import { defineService } from '../contract/contract.ts'
import { maxHops } from '../contract/current-call.ts'
import type { Handlers } from '../contract/typed.ts'
import { Dispatcher } from '../serve/dispatcher.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { allowAll, ops, SpecTargets } from '../testing/fixtures.ts'
import { ServiceCaller } from './service-caller.ts'

const now = () => performance.now()
const ping = defineService({
  name: 'ping',
  version: 1,
  methods: {
    next: { params: z.number(), result: z.unknown() },
    say: { params: z.unknown(), result: z.unknown() },
  },
})
type PingHandlers = Handlers<typeof ping.methods>

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

/** Two members that serve ping with the same handlers, and a caller. */
function circle(handlers: (call: ServiceCaller<[typeof ping]>) => PingHandlers) {
  const targets = meshes.of({})
  const caller = new ServiceCaller({ targets, contracts: [ping], now, random: Math.random })
  const serve = () => {
    const registry = new ServiceRegistry()
    registry.serve(ping, handlers(caller))
    return new Dispatcher({ registry, authorize: allowAll, now }).handlerFor(ops)
  }
  targets.add('a', serve()).add('b', serve())
  return caller
}

const other = (name: string) => ({ peer: name === 'a' ? 'b' : 'a' })

describe('a call made by a handler', () => {
  it('is one hop further, so that a circle of calls ends', async () => {
    const seen: number[] = []
    const caller = circle(call => ({
      say: () => 0,
      next: (turn, ctx) => {
        seen.push(ctx.hops)
        return call.call('ping.next', turn + 1, other(turn % 2 === 0 ? 'a' : 'b'))
      },
    }))
    const error = await caller.call('ping.next', 0, { peer: 'a' }).catch((thrown: MeshError) => thrown)
    expect(error).toMatchObject({ code: 'invalid_argument', details: { hops: maxHops + 1 } })
    expect(seen).toEqual(Array.from({ length: maxHops + 1 }, (_, hops) => hops))
  })

  it('gets no more time than is left of the call that it serves', async () => {
    const left: number[] = []
    const caller = circle(call => ({
      say: (_, ctx) => void left.push(ctx.remainingMs),
      next: () => call.call('ping.say', 0, { peer: 'b', timeout: 60_000 }),
    }))
    await caller.call('ping.next', 0, { peer: 'a', timeout: 30_000 })
    expect(left[0]).toBeLessThanOrEqual(30_000)
    expect(left[0]).toBeGreaterThan(0)
  })

  it('is a call of its own once the call that it served has ended', async () => {
    const ended = Promise.withResolvers<void>()
    const seen: number[][] = []
    const caller = circle(call => ({
      say: (_, ctx) => void seen.push([ctx.hops, Math.ceil(ctx.remainingMs / 10_000)]),
      next: () => {
        void ended.promise.then(() => call.call('ping.say', 0, { peer: 'b', timeout: 60_000 })).catch(() => 0)
        return 'at once'
      },
    }))
    expect(await caller.call('ping.next', 0, { peer: 'a', timeout: 30_000 })).toBe('at once')
    ended.resolve()
    await vi.waitFor(() => expect(seen).toEqual([[0, 6]]), 20_000)
  })

  it('does not pass on the metadata of the call that it serves', async () => {
    const seen: unknown[] = []
    const caller = circle(call => ({
      say: (_, ctx) => void seen.push(ctx.metadata),
      next: (_, ctx) => {
        seen.push(ctx.metadata)
        return call.call('ping.say', 0, { peer: 'b' })
      },
    }))
    await caller.call('ping.next', 0, { peer: 'a', metadata: { tenant: '7' } })
    expect(seen).toEqual([{ tenant: '7' }, {}])
  })
})

it.each([
  ['too_large', { note: 'x'.repeat(1_024) }],
  ['invalid_argument', { n: 7 as unknown as string }],
] as const)('metadata is refused as %s before anything is sent', async (code, metadata) => {
  const caller = circle(() => ({ say: () => 0, next: () => 0 }))
  await expect(caller.call('ping.say', 0, { metadata })).rejects.toMatchObject({ code })
})

it('a call that comes with more hops than any sends is refused as not started', async () => {
  const caller = circle(() => ({ say: () => 'said', next: () => 0 }))
  expect(await caller.call('ping.say', 0, { peer: 'a' })).toBe('said')
  const { caller: link } = [...(meshes.all[0]?.pairs.values() ?? [])][0]!
  await expect(link.call('ping.say', 0, { fields: { hops: 200 } })).rejects.toMatchObject({
    code: 'invalid_argument',
    notStarted: true,
  })
})
