/** What becomes of a call whose path falls silent under it. */
import { setTimeout as delay } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol'
import { describe, expect, it, vi } from 'vitest'
import { answer, good, meshOf, plan, refuse, silent, type Script } from '../testing/scripted-mesh.ts'

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
    await vi.waitUntil(() => calls.length === 2, 20_000)
    path.settle(Promise.resolve('late, but here'))
    expect(await call).toMatchObject({ value: 'late, but here', peerId: 'a' })
    await ended.promise
  })

  it('waits for the silent path when nobody else answers, and for the others when it breaks', async () => {
    const path = silent()
    const { attempts, calls } = meshOf({ a: path.script, b: refuse('permission_denied') })
    const call = attempts.answer(plan(), good('a', 'b'))
    await vi.waitUntil(() => calls.length === 2, 20_000)
    path.settle(Promise.resolve('after all'))
    expect(await call).toMatchObject({ value: 'after all', peerId: 'a' })
  })

  it('is late when its time is over before the budget lets it ask elsewhere', async () => {
    const late: Script = ({ onDoubt, timeoutMs = 0 }) => {
      onDoubt?.(() => undefined)
      // As the link that breaks after the deadline, before its wheel has turned.
      return delay(timeoutMs + 5).then(() => Promise.reject(new MeshError('path_lost', 'Cannot')))
    }
    const { attempts } = meshOf({ a: late, b: refuse('overloaded') })
    // Longer than what the calls earned needs to fade below one try.
    const deadline = performance.now() + 500
    const spend = Array.from({ length: 60 }, () => attempts.answer(plan({ deadline }), good('b')))
    await Promise.allSettled(spend)
    const call = attempts.answer(plan({ deadline: performance.now() + 100 }), good('a', 'b'))
    await expect(call).rejects.toMatchObject({ code: 'deadline_exceeded', notStarted: false })
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
    await vi.waitUntil(() => calls.length === 2, 20_000)
    once.settle(Promise.resolve('the only one'))
    expect(await alone).toMatchObject({ value: 'the only one' })
    expect(calls).toEqual(['a', 'a'])
    void call
  })
})
