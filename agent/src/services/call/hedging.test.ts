/** Hedged calls in virtual time: the timers are the only clock. */
import { MeshError } from '@agent-mesh/protocol'
import { encodeBody } from '@agent-mesh/protocol/wire/index'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Balancer } from '../balance/balancer.ts'
import { seeded } from '../testing/balance-simulation.ts'
import { Attempts } from './attempts.ts'
import { Hedging, type HedgeWish } from './hedging.ts'
import { Planner, type Plan } from './plan.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** ms that a member takes for its nth call of all; what fails rejects. */
type Serve = (peerId: string, call: number) => number

function meshOf(serve: Serve, hedging = new Hedging(0.05)) {
  let sends = 0
  const cancelled: string[] = []
  const callee = (peerId: string) => ({
    call: (_method: string, _params: unknown, { signal }: { signal?: AbortSignal | undefined } = {}) => {
      const ms = serve(peerId, sends++)
      return new Promise<unknown>((resolve, reject) => {
        const timer = setTimeout(() => resolve(peerId), ms)
        signal?.addEventListener('abort', () => {
          clearTimeout(timer)
          cancelled.push(peerId)
          reject(new MeshError('cancelled', 'Cannot'))
        })
      })
    },
  })
  const now = () => performance.now()
  const random = seeded(11)
  // One after another: the choice is not what is measured.
  const balancer = new Balancer({ random, policy: 'round-robin' })
  const attempts = new Attempts({ targets: { callee }, balancer, hedging, now, random })
  const providers = { good: ['a', 'b', 'c'], doubtful: [], offline: [] }
  const call = async (hedge: HedgeWish | undefined) => {
    const at = now()
    const answered = attempts.answer(planOf(hedge), () => providers)
    return answered.then(({ peerId }) => ({ peerId, ms: now() - at }))
  }
  return { call, sends: () => sends, cancelled, hedging }
}

const planOf = (hedge: HedgeWish | undefined): Plan => ({
  ...{ method: 'a.b', wireName: 'a.b', service: 'a', params: encodeBody(1, 'params'), contract: undefined },
  ...{ deadline: performance.now() + 10_000, signal: undefined, idempotent: true, hedge },
})

/** One call in 80 takes a second, each other 5 to 15 ms. */
const straggling: Serve = (_, call) => (call % 80 === 79 ? 1_000 : 5 + (call % 11))

async function p99(hedge: HedgeWish | undefined) {
  const mesh = meshOf(straggling)
  const took: number[] = []
  for (let i = 0; i < 3_000; i++) {
    const answered = mesh.call(hedge)
    await vi.advanceTimersByTimeAsync(1_000)
    took.push((await answered).ms)
  }
  took.sort((a, b) => a - b)
  return { ms: took[Math.floor(took.length * 0.99)]!, sends: mesh.sends(), hedging: mesh.hedging }
}

describe('hedging', () => {
  it('makes the p99 of calls of which one in 80 takes a second a fifth, with 5 % more sends at most', async () => {
    const [plain, hedged] = [await p99(undefined), await p99(true)]
    expect(plain).toMatchObject({ ms: 1_000, sends: 3_000 })
    expect(hedged.ms).toBeLessThanOrEqual(plain.ms / 5)
    expect(hedged.sends).toBeLessThanOrEqual(3_000 * 1.05)
    expect(hedged.hedging.results.won).toBeGreaterThan(20)
  })

  it('gives up the slower of the two', async () => {
    const slow = meshOf((_, call) => (call === 20 ? 1_000 : 10), new Hedging(1))
    for (let i = 0; i < 20; i++) await settled(slow.call({ afterMs: 50 }))
    const answered = settled(slow.call({ afterMs: 50 }))
    expect((await answered).ms).toBe(60)
    expect(slow.cancelled).toEqual(['c'])
    const late = meshOf((_, call) => (call === 0 ? 100 : 1_000), new Hedging(1))
    expect((await settled(late.call({ afterMs: 50 }))).ms).toBe(100)
    expect(late.cancelled).toEqual(['b'])
    expect([slow.hedging.results, late.hedging.results]).toMatchObject([{ won: 1 }, { lost: 1 }])
  })

  it('sends nothing twice before the latency of the method is known, nor beyond the budget', async () => {
    const young = meshOf(() => 500)
    await settled(young.call(true))
    expect(young.sends()).toBe(1)
    const bounded = meshOf(() => 500)
    await Promise.all(Array.from({ length: 200 }, () => settled(bounded.call({ afterMs: 10 }))))
    expect(bounded.sends()).toBeLessThanOrEqual(210)
    expect(bounded.hedging.results.denied).toBeGreaterThan(100)
  })
})

async function settled<T>(call: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(1_000)
  return call
}

it('a method that is not idempotent is not hedged, and a wrong delay is refused', () => {
  const planner = new Planner([])
  const plan = (idempotent: boolean, hedge: HedgeWish) => () =>
    planner.plan('a.b', 1, { idempotent, hedge }, 0)
  const invalid = expect.objectContaining({ code: 'invalid_argument' }) as Error
  expect(plan(false, true)).toThrow(invalid)
  expect(plan(true, { afterMs: NaN })).toThrow(invalid)
  expect(plan(true, { afterMs: 5 })()).toMatchObject({ hedge: { afterMs: 5 } })
  expect(() => planner.plan('a.b', 1, { key: 'x'.repeat(2_000) }, 0)).toThrow(invalid)
})
