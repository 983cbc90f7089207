/** What the tries of one call do, over links whose path the test decides. */
import { MeshError } from '@agent-mesh/protocol'
import { describe, expect, it, vi } from 'vitest'
import { Balancer } from '../balance/balancer.ts'
import type { Providers } from '../balance/directory.ts'
import { resilienceOf } from '../balance/resilience.ts'
import type { Plan } from './plan.ts'
import { answer, good, meshOf, plan, refuse, silent, type Script } from '../testing/scripted-mesh.ts'

describe('a dial', () => {
  it('gets a share of the time while another member may answer, all of it otherwise', async () => {
    const { attempts, dials } = meshOf({ a: answer, b: answer })
    await attempts.answer(plan(), good('a', 'b'))
    await attempts.answer(plan({ deadline: performance.now() + 1_000 }), good('a', 'b'))
    await attempts.answer(plan(), good('a'))
    const [many, hurried, alone] = dials.map(({ ms }) => ms)
    expect(many).toBeLessThanOrEqual(2_000)
    expect(hurried).toBeLessThanOrEqual(500)
    expect(alone).toBeGreaterThan(9_000)
  })

  it('that fails moves even a call that may run once: nothing was written', async () => {
    for (const code of ['deadline_exceeded', 'unavailable', 'revoked', 'unauthenticated'] as const) {
      const dial = (name: string) =>
        name === 'a' ? Promise.reject(new MeshError(code, 'Cannot connect')) : Promise.resolve()
      const { attempts, calls } = meshOf({ a: answer, b: answer }, dial)
      expect(await attempts.answer(plan({ idempotent: false }), good('a', 'b'))).toMatchObject({
        peerId: 'b',
      })
      expect(calls).toEqual(['b'])
    }
  })

  it('that is late or cancelled is an error of its call, with the code that the caller expects', async () => {
    const late = () =>
      Promise.reject(new MeshError('deadline_exceeded', 'Cannot connect to a: no link in 5 ms'))
    const call = (change: Partial<Plan>) =>
      meshOf({ a: answer }, late).attempts.answer(plan(change), good('a'))
    await expect(call({})).rejects.toMatchObject({
      ...{ code: 'deadline_exceeded', notStarted: true },
      message: 'Cannot call a.b: cannot connect to a: no link in 5 ms',
    })
    const stop = new AbortController()
    const dial = () => {
      stop.abort(new DOMException('time', 'TimeoutError'))
      return late()
    }
    const cancelled = meshOf({ a: answer }, dial).attempts.answer(plan({ signal: stop.signal }), good('a'))
    await expect(cancelled).rejects.toMatchObject({
      ...{ code: 'cancelled', notStarted: true, cause: stop.signal.reason as unknown },
      message: 'Cannot call a.b: cancelled by the caller',
    })
  })

  it('is not begun when no time is left', async () => {
    const { attempts, dials } = meshOf({ a: answer })
    const late = attempts.answer(plan({ deadline: performance.now() - 1 }), good('a'))
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded', notStarted: true })
    expect(dials).toEqual([])
  })
})

describe('calls at a member that has as many in flight as one may have', () => {
  it('go to another one, and fail with `overloaded` where there is none', async () => {
    const never: Script = ({ signal }) =>
      new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(new MeshError('cancelled', 'Cannot'))),
      )
    const balancer = new Balancer({
      random: () => 0,
      policy: 'round-robin',
      resilience: resilienceOf({ perCallee: 2 }),
    })
    const { attempts, calls } = meshOf({ a: never, b: answer }, undefined, balancer)
    const stop = new AbortController()
    const waiting = [1, 2].map(() => attempts.answer(plan({ signal: stop.signal }), good('a')))
    await vi.waitUntil(() => calls.length === 2, 20_000)
    expect(await attempts.answer(plan(), good('a', 'b'))).toMatchObject({ peerId: 'b' })
    const full = attempts.answer(plan({ idempotent: false }), good('a'))
    await expect(full).rejects.toMatchObject({ code: 'overloaded', notStarted: true })
    expect(calls).toEqual(['a', 'a', 'b'])
    stop.abort()
    await Promise.allSettled(waiting)
  })

  it('wait a moment for room, and leave the retry budget to calls that were sent', async () => {
    const balancer = new Balancer({ random: () => 0, resilience: resilienceOf({ perCallee: 1 }) })
    const { promise: held, resolve: release } = Promise.withResolvers<unknown>()
    const { attempts, calls, retried } = meshOf({ a: () => held }, undefined, balancer)
    const first = attempts.answer(plan(), good('a'))
    await vi.waitUntil(() => calls.length === 1, 20_000)
    const stop = new AbortController()
    const cancelled = attempts.answer(plan({ signal: stop.signal }), good('a'))
    stop.abort()
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    const startedAt = performance.now()
    const many = Array.from({ length: 200 }, () => attempts.answer(plan(), good('a')))
    const codes = (await Promise.allSettled(many)).map(
      each => each.status === 'rejected' && (each.reason as MeshError).code,
    )
    expect(new Set(codes)).toEqual(new Set(['overloaded']))
    // With turns of the retry budget all but some thirty of them would wait for 10 s.
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    const looks = vi.fn(good('a'))
    const last = attempts.answer(plan(), looks)
    await vi.waitUntil(() => looks.mock.calls.length > 0, 20_000)
    release('a')
    expect(await Promise.all([first, last])).toMatchObject([{ attempts: 1 }, { attempts: 1 }])
    expect([calls, retried]).toEqual([['a', 'a'], []])
  })

  it('wait for room after they waited for it to come back', async () => {
    const balancer = new Balancer({ random: () => 0, resilience: resilienceOf({ perCallee: 1 }) })
    const { promise: held, resolve: release } = Promise.withResolvers<unknown>()
    const { attempts } = meshOf({ a: () => held }, undefined, balancer)
    const first = attempts.answer(plan(), good('a'))
    let looks = 0
    const restarts = (): Providers => {
      if (++looks > 4) release('a')
      return looks > 3 ? good('a')() : { good: [], doubtful: [], offline: [], lately: true }
    }
    expect(await attempts.answer(plan(), restarts)).toMatchObject({ attempts: 1 })
    await first
  })
})

describe('a call whose only provider restarts', () => {
  const none: Providers = { good: [], doubtful: [], offline: [] }
  /** Serves it, or not, as the test says. */
  const changing = (now: Providers) => {
    const state = { now }
    return { state, providers: () => state.now }
  }

  it('waits for it when it served the method a moment ago, or refused this call', async () => {
    const { attempts, calls } = meshOf({ a: answer })
    const { state, providers } = changing({ ...none, lately: true })
    const call = attempts.answer(plan({ idempotent: false }), providers)
    await new Promise(setImmediate)
    expect(calls).toEqual([])
    state.now = good('a')()
    expect(await call).toMatchObject({ peerId: 'a' })

    const leaving: Script = (_, asked) => {
      if (asked > 1) return Promise.resolve('back')
      later.state.now = none
      setImmediate(() => (later.state.now = good('b')()))
      return refuse('going_away')({}, asked)
    }
    const later = changing(good('b')())
    expect(await meshOf({ b: leaving }).attempts.answer(plan(), later.providers)).toMatchObject({
      value: 'back',
    })
  })

  it('fails at once when nobody ever served it, and when the agent stops', async () => {
    const { attempts } = meshOf({})
    const at = performance.now()
    await expect(attempts.answer(plan(), () => none)).rejects.toMatchObject({ code: 'unavailable' })
    const waiting = attempts.answer(plan(), () => ({ ...none, lately: true }))
    attempts.stop()
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
    expect(performance.now() - at).toBeLessThan(5_000)
  })
})

describe('calls of an agent that stops', () => {
  it('begin no try after a pause, and fail with what they failed with', async () => {
    const asked = Promise.withResolvers<void>()
    const { attempts, calls } = meshOf({
      a: options => {
        asked.resolve()
        return refuse('unavailable')(options, 1)
      },
    })
    const waiting = attempts.answer(plan(), good('a'))
    const failed = expect(waiting).rejects.toMatchObject({ code: 'unavailable', told: true })
    await asked.promise
    await new Promise(setImmediate)
    attempts.stop()
    await failed
    expect(calls).toEqual(['a'])
  })

  it('ask nobody else when a path falls silent', async () => {
    const path = silent()
    const { attempts, calls } = meshOf({ a: path.script, b: answer })
    attempts.stop()
    const call = attempts.answer(plan(), good('a', 'b'))
    await new Promise(setImmediate)
    path.settle(Promise.resolve('late'))
    expect(await call).toMatchObject({ value: 'late', peerId: 'a' })
    expect(calls).toEqual(['a'])
  })

  it('ask no provider that comes back meanwhile', async () => {
    const { attempts, calls } = meshOf({ b: answer })
    const state: { now: Providers } = { now: { good: [], doubtful: [], offline: [], lately: true } }
    const waiting = attempts.answer(plan(), () => state.now)
    attempts.stop()
    state.now = good('b')()
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
    expect(calls).toEqual([])
  })
})

describe('the retry budget of an agent', () => {
  it('bounds what all its calls send to callees that refuse', async () => {
    const { attempts, calls } = meshOf({ a: refuse('unavailable'), b: refuse('unavailable') })
    const deadline = performance.now() + 300
    const made = Array.from({ length: 200 }, () => attempts.answer(plan({ deadline }), good('a', 'b')))
    const results = await Promise.allSettled(made)
    expect(results.every(({ status }) => status === 'rejected')).toBe(true)
    expect(calls.length).toBeLessThanOrEqual(200 * 1.2 + 10)
    expect(calls.length).toBeGreaterThan(200)
  })

  it('lets all calls of a broken path through to another member', async () => {
    const broken: Script = () => Promise.reject(new MeshError('path_lost', 'Cannot'))
    const { attempts } = meshOf({ a: broken, b: answer })
    const made = Array.from({ length: 200 }, () => attempts.answer(plan(), good('a', 'b')))
    const answers = await Promise.all(made)
    expect(answers.every(({ peerId }) => peerId === 'b')).toBe(true)
  })
})

it('tells the path that the call was asked over, which its link had then', async () => {
  const { attempts } = meshOf({ a: () => Promise.resolve(1), b: () => Promise.resolve(2) })
  const ask = (peerId: string) =>
    attempts.answer(plan(), () => ({ good: [peerId], doubtful: [], offline: [] }))
  expect(await ask('a')).toMatchObject({ value: 1, path: 'relay' })
  expect(await ask('b')).toMatchObject({ value: 2, path: 'direct' })
})
