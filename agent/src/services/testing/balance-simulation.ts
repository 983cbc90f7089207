/**
 * Callers and callees in virtual time, over the real choice: calls arrive at random (open loop), each callee has some workers and a
 * queue, and each caller knows only what its own calls found out.
 */
import { MeshError } from '@agent-mesh/protocol'
import { Balancer } from '../balance/balancer.ts'
import type { Providers } from '../balance/directory.ts'
import type { BalancePolicy } from '../balance/policies.ts'
import { resilienceOf } from '../balance/resilience.ts'
import type { ServiceProviders } from '../balance/service-providers.ts'

/** Uniform in [0, 1), the same each time (xorshift). */
export function seeded(seed: number): () => number {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}

/** Things to do, in the order of their time. */
class Agenda {
  readonly #heap: { at: number; run: () => void }[] = []

  add(at: number, run: () => void): void {
    const heap = this.#heap
    let i = heap.push({ at, run }) - 1
    for (let up = (i - 1) >> 1; i > 0 && heap[up]!.at > heap[i]!.at; up = (i - 1) >> 1) {
      ;[heap[up], heap[i]] = [heap[i]!, heap[up]!]
      i = up
    }
  }

  next(): { at: number; run: () => void } | undefined {
    const heap = this.#heap
    const [top, last] = [heap[0], heap.pop()]
    if (heap.length === 0) return top
    heap[0] = last!
    for (let i = 0; ;) {
      const [left, right] = [2 * i + 1, 2 * i + 2]
      let least = i
      if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left
      if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right
      if (least === i) return top
      ;[heap[i], heap[least]] = [heap[least]!, heap[i]!]
      i = least
    }
  }
}

export interface SimulatedCallee {
  /** Mean ms of a call: exponentially distributed where calls have a rate, else the same for each. */
  readonly serviceMs: number
  /** ms there and back. @default 0 */
  readonly awayMs?: number
  /** ms there and back, as callers know it before they call. @default not known */
  readonly roundTripMs?: number
  /** Whether a call that begins at this ms fails at once. @default never */
  readonly fails?: (now: number) => boolean
  /** ms that a first call of each caller took, before the others. @default none has called it */
  readonly firstMs?: number
}

export interface Simulation {
  readonly policy: BalancePolicy
  readonly callees: readonly SimulatedCallee[]
  /** Calls a second, of random callers. @default none: the next caller in turn calls when a call ends */
  readonly rate?: number
  /** How many begin at once. Without a rate so many are always in flight. @default 1 */
  readonly inFlight?: number
  readonly calls: number
  /** How many of the first callees are near. @default of places nothing is known */
  readonly near?: number
  readonly callers?: number
  readonly breakers?: boolean
  /** Calls in flight of one caller at one callee at most; false: no bound. @default of the option */
  readonly perCallee?: number | false
  /** Calls that a callee serves at a time. @default 4 */
  readonly workers?: number
}

const defaultWorkers = 4

export interface SimulatedCall {
  readonly callee: number
  readonly startedAt: number
  readonly ms: number
  readonly ok: boolean
}

/** What each caller knows before its first call. */
function viewsOf(
  { policy, callees, callers = 20, breakers = true, perCallee }: Simulation,
  random: () => number,
): ServiceProviders[] {
  const resilience = resilienceOf({
    ...(!breakers && { breaker: false }),
    ...(perCallee !== undefined && { perCallee }),
  })
  const views = Array.from({ length: callers }, () => {
    const estimatedRttMs = (peerId: string) => callees[Number(peerId)]!.roundTripMs
    return new Balancer({ policy, resilience, random, estimatedRttMs }).of('x')
  })
  for (const view of views)
    for (const [i, { firstMs }] of callees.entries()) {
      if (firstMs === undefined) continue
      view.provider(String(i)).begin(0)
      view.provider(String(i)).answered(-firstMs, 0)
    }
  return views
}

/** All calls, in the order in which they ended. */
export function simulate(simulation: Simulation): SimulatedCall[] {
  const { callees, rate, inFlight = 1, calls, near, workers = defaultWorkers } = simulation
  const random = seeded(7)
  const exponential = (mean: number) => -Math.log(1 - random()) * mean
  const agenda = new Agenda()
  const busy = callees.map(() => 0)
  const queues: (() => void)[][] = callees.map(() => [])
  const views = viewsOf(simulation, random)
  const providers: Providers = {
    ...{ good: callees.map((_, i) => String(i)), doubtful: [], offline: [] },
    ...(near !== undefined && { near: { zone: near, region: near } }),
  }
  const ended: SimulatedCall[] = []
  let now = 0

  const serve = (i: number, done: () => void): void => {
    busy[i]!++
    agenda.add(
      now + (rate === undefined ? callees[i]!.serviceMs : exponential(callees[i]!.serviceMs)),
      () => {
        busy[i]!--
        const next = queues[i]!.shift()
        if (next !== undefined) serve(i, next)
        done()
      },
    )
  }
  const call = (): void => {
    const view = views[rate === undefined ? made % views.length : Math.floor(random() * views.length)]!
    const provider = view.choose(providers, {}, { tried: new Set(), last: undefined }, now)!
    const i = Number(provider.peerId)
    const { awayMs = 0, fails } = callees[i]!
    const startedAt = now
    provider.begin(now)
    const end = (ok: boolean) => () => {
      if (ok) provider.answered(startedAt, now)
      else provider.failed(new MeshError('internal', 'Cannot', { told: true }), startedAt, now)
      ended.push({ callee: i, startedAt, ms: now - startedAt, ok })
      if (rate === undefined) arrive()
    }
    if (fails?.(now) === true) return agenda.add(now + 1, end(false))
    const done = () => agenda.add(now + awayMs, end(true))
    if (busy[i]! < workers) serve(i, done)
    else queues[i]!.push(done)
  }
  let made = 0
  const arrive = (): void => {
    if (made++ >= calls) return
    call()
    if (rate !== undefined) agenda.add(now + exponential(1_000 / rate), arrive)
  }
  for (let i = 0; i < inFlight; i++) arrive()
  for (let next = agenda.next(); next !== undefined; next = agenda.next()) {
    now = next.at
    next.run()
  }
  return ended
}

/** The calls that began from second `from` to second `to`. */
export const callsOfSeconds = (calls: readonly SimulatedCall[], from: number, to: number): SimulatedCall[] =>
  calls.filter(({ startedAt }) => startedAt >= from * 1_000 && startedAt < to * 1_000)

/** Calls a second that callees can serve. */
export const capacityOf = (callees: readonly SimulatedCallee[], workers = defaultWorkers): number =>
  callees.reduce((sum, { serviceMs }) => sum + (workers * 1_000) / serviceMs, 0)

/** The ms below which this share of the calls took. */
export function quantile(calls: readonly SimulatedCall[], share: number): number {
  const sorted = calls.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * share)]!
}
