/** How long a call waits for a dial, by timers that the spec counts. */
import { MeshError } from '@agent-mesh/protocol'
import { expect, it, vi } from 'vitest'
import { Balancer } from '../balance/balancer.ts'
import { resilienceOf } from '../balance/resilience.ts'
import { good, plan } from '../testing/scripted-mesh.ts'
import { Attempts } from './attempts.ts'
import type { Plan } from './plan.ts'

type Answer = () => Promise<unknown>

/** Calls by a member with a link to `linked`, each within 4 s, to members that otherwise never get a link. */
function callerOf(linked: string, answer: Answer = () => new Promise<never>(() => {})) {
  const waits: number[] = []
  const dials: string[] = []
  const asked: string[] = []
  const callee = (name: string) => {
    asked.push(name)
    if (name === linked) return { call: answer }
    dials.push(name)
    return new Promise<never>(() => {})
  }
  const attempts = new Attempts({
    targets: { callee, isAtHand: name => name === linked },
    balancer: new Balancer({ random: () => 0, resilience: resilienceOf({ perCallee: 1 }) }),
    now: () => 0,
    random: () => 0,
    startTimer: ms => {
      waits.push(ms)
      return { cancel: () => {} }
    },
  })
  const call = (names: string[], change: Partial<Plan> = {}) =>
    void attempts.answer(plan({ deadline: 4_000, ...change }), good(...names))
  return { asked, call, dials, waits }
}

it('a call waits for a quarter of its time where a member that it may ask next needs no dial', () => {
  const { call, dials, waits } = callerOf('b')
  call(['a', 'b'])
  expect({ dials, waits }).toEqual({ dials: ['a'], waits: [1_000] })
})

it('a call with a key waits for the whole dial: it goes where all callers agree, with a link or without', () => {
  const made = Array.from({ length: 20 }, (_, i) => {
    const { call, dials, waits } = callerOf('b')
    call(['a', 'b'], { key: `key ${i}` })
    return { dials, waits }
  })
  expect(made.flatMap(({ dials }) => dials).length).toBeGreaterThan(0)
  expect(made.flatMap(({ waits }) => waits)).toEqual([])
})

it('a call waits for the whole dial where the only member with a link was asked before', async () => {
  const leaves = new MeshError('unavailable', 'Cannot', { told: true, notStarted: true })
  const { asked, call, waits } = callerOf('b', () => Promise.reject(leaves))
  call(['b', 'a'])
  await vi.waitUntil(() => asked.length === 2, 20_000)
  expect({ asked, waits }).toEqual({ asked: ['b', 'a'], waits: [] })
})

it('a call waits for the whole dial where the only member with a link has as many calls as it may', () => {
  const { asked, call, waits } = callerOf('b')
  call(['b', 'a'])
  call(['b', 'a'])
  expect({ asked, waits }).toEqual({ asked: ['b', 'a'], waits: [] })
})

it('a call over a link that stands looks at no other member', () => {
  const isAtHand = vi.fn(() => true)
  const targets = { callee: () => ({ call: () => new Promise<never>(() => {}) }), isAtHand }
  const attempts = new Attempts({ targets, now: () => 0, random: () => 0 })
  void attempts.answer(plan({ deadline: 4_000 }), good('a', 'b'))
  expect(isAtHand).not.toHaveBeenCalled()
})
