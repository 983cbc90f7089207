/** What the tries of one call do, over links whose path the test decides. */
import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { encodeBody } from '@agent-mesh/protocol/wire/index'
import { describe, expect, it, vi } from 'vitest'
import type { LinkCallOptions } from '../../rpc/index.ts'
import { Attempts } from './attempts.ts'
import type { Callee, CalleeOptions } from '../balance/call-targets.ts'
import type { Providers } from '../balance/directory.ts'
import type { Plan } from './plan.ts'

type Script = (options: LinkCallOptions, asked: number) => Promise<unknown>

interface Mesh {
  attempts: Attempts
  /** Names in the order in which they were called. */
  calls: string[]
  dials: { name: string; ms: number }[]
  retried: ErrorCode[]
}

/** Members by name; `dial` may fail or wait. */
function meshOf(
  members: Record<string, Script>,
  dial: (name: string, options: CalleeOptions) => Promise<void> = () => Promise.resolve(),
): Mesh {
  const calls: string[] = []
  const dials: Mesh['dials'] = []
  const retried: ErrorCode[] = []
  const callee = async (name: string, options: CalleeOptions): Promise<Callee> => {
    dials.push({ name, ms: options.deadline - performance.now() })
    await dial(name, options)
    return {
      path: name === 'a' ? 'relay' : 'direct',
      call: (_method, _params, callOptions = {}) => {
        calls.push(name)
        return members[name]!(callOptions, calls.filter(called => called === name).length)
      },
    }
  }
  const metrics = {
    callEnded: () => {},
    callRetried: (_: string, code: ErrorCode) => void retried.push(code),
  }
  const now = () => performance.now()
  return {
    attempts: new Attempts({ targets: { callee }, metrics, now, random: () => 0 }),
    calls,
    dials,
    retried,
  }
}

const plan = (change: Partial<Plan> = {}): Plan => ({
  method: 'a.b',
  wireName: 'a.b',
  service: 'a',
  params: encodeBody(1, 'params'),
  contract: undefined,
  deadline: performance.now() + 10_000,
  signal: undefined,
  idempotent: true,
  ...change,
})

const good = (...names: string[]): (() => Providers) => {
  const providers = { good: names, doubtful: [], offline: [] }
  return () => providers
}
const answer: Script = () => Promise.resolve('answer')
const refuse =
  (code: ErrorCode): Script =>
  () =>
    Promise.reject(new MeshError(code, 'Cannot', { told: true, notStarted: true }))

/** A path that is silent from the first call on; says whether the call was given up. */
function silent() {
  let settle: (result: Promise<unknown>) => void = () => {}
  const givenUp = Promise.withResolvers<void>()
  const script: Script = ({ onDoubt }) => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    settle = resolve
    onDoubt?.(() => {
      givenUp.resolve()
      settle(Promise.reject(new MeshError('cancelled', 'Cannot')))
    })
    return promise
  }
  return { script, givenUp: givenUp.promise, settle: (result: Promise<unknown>) => settle(result) }
}

describe('a call whose path falls silent', () => {
  it('is asked elsewhere at once; the first answer wins and the other try is given up', async () => {
    const path = silent()
    const { attempts, calls, retried } = meshOf({ a: path.script, b: answer })
    expect(await attempts.answer(plan(), good('a', 'b'))).toEqual({
      value: 'answer',
      peerId: 'b',
      path: 'direct',
      attempts: 2,
    })
    await path.givenUp
    expect(calls).toEqual(['a', 'b'])
    expect(retried).toEqual(['path_lost'])
  })

  it('takes the answer of the silent path when that comes first, and ends the other try', async () => {
    const path = silent()
    const ended = Promise.withResolvers<void>()
    const waits: Script = ({ signal }) => {
      signal?.addEventListener('abort', () => ended.resolve())
      return new Promise(() => {})
    }
    const { attempts, calls } = meshOf({ a: path.script, b: waits })
    const call = attempts.answer(plan(), good('a', 'b'))
    await vi.waitUntil(() => calls.length === 2)
    path.settle(Promise.resolve('late, but here'))
    expect(await call).toMatchObject({ value: 'late, but here', peerId: 'a' })
    await ended.promise
  })

  it('waits for the silent path when nobody else answers, and for the others when it breaks', async () => {
    const path = silent()
    const { attempts, calls } = meshOf({ a: path.script, b: refuse('permission_denied') })
    const call = attempts.answer(plan(), good('a', 'b'))
    await vi.waitUntil(() => calls.length === 2)
    path.settle(Promise.resolve('after all'))
    expect(await call).toMatchObject({ value: 'after all', peerId: 'a' })
  })

  it('believes a failure of a handler as it does a result', async () => {
    const fails: Script = () => Promise.reject(new MeshError('application', 'Cannot', { told: true }))
    const { attempts } = meshOf({ a: silent().script, b: fails })
    await expect(attempts.answer(plan(), good('a', 'b'))).rejects.toMatchObject({ code: 'application' })
  })

  it('is not asked elsewhere when it may not run twice, or only one member serves it', async () => {
    const once = silent()
    const { attempts, calls } = meshOf({ a: once.script, b: answer })
    const call = attempts.answer(plan({ idempotent: false }), good('a', 'b'))
    const alone = attempts.answer(plan(), good('a'))
    await vi.waitUntil(() => calls.length === 2)
    once.settle(Promise.resolve('the only one'))
    expect(await alone).toMatchObject({ value: 'the only one' })
    expect(calls).toEqual(['a', 'a'])
    void call
  })
})

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

  it('is not begun when no time is left', async () => {
    const { attempts, dials } = meshOf({ a: answer })
    const late = attempts.answer(plan({ deadline: performance.now() - 1 }), good('a'))
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded', notStarted: true })
    expect(dials).toEqual([])
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
