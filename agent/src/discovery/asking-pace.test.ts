import { MeshError } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { AskingPace } from './asking-pace.ts'
import { discoveryDefaults } from './defaults.ts'

const { endedAskMs: hour, refusedAskMs: minute } = discoveryDefaults
const refusal = (code: 'unauthenticated' | 'revoked', details: object = {}) =>
  new MeshError(code, 'Cannot accept request', { details: { ...details } })

/** A pace on a clock that the test moves. @param random of the jitter */
function paceOn(random = 0) {
  let now = 1_000
  const timers: { at: number; work: () => void }[] = []
  const clock = {
    now: () => now,
    monotonic: () => now,
    after: (ms: number, work: () => void) => {
      const timer = { at: now + ms, work }
      timers.push(timer)
      return () => void timers.splice(timers.indexOf(timer), 1)
    },
  }
  const pace = new AskingPace({ clock, random: () => random })
  const pass = async (ms: number) => {
    now += ms
    for (const due of timers.filter(({ at }) => at <= now)) {
      timers.splice(timers.indexOf(due), 1)
      due.work()
    }
    for (let turn = 0; turn < 4; turn++) await Promise.resolve()
  }
  /** Asks, and remembers whether it had its turn, and in which round. */
  const ask = (signal?: AbortSignal) => {
    const asked = { had: false, round: -1, failed: undefined as unknown }
    pace.turn(signal).then(
      round => Object.assign(asked, { had: true, round }),
      (error: unknown) => (asked.failed = error),
    )
    return asked
  }
  return { pace, pass, ask, timers }
}

describe('AskingPace', () => {
  test.each([
    [0, hour],
    [1, 1.5 * hour],
  ])('lets a member whose end is listed ask each hour at most, with jitter %d', async (random, ms) => {
    const { pace, pass, ask } = paceOn(random)
    pace.ended()
    for (let round = 0; round < 3; round++) {
      const asked = [ask(), ask()]
      await pass(ms - 1)
      expect(asked.map(({ had }) => had)).toEqual([false, false])
      await pass(1)
      expect(asked.map(({ had }) => had)).toEqual([true, true])
      for (const { round } of asked) pace.heard(round, refusal('revoked'))
    }
  })

  test('lets it ask as ever once it is a member again', async () => {
    const { pace, pass, ask } = paceOn()
    pace.ended()
    await pass(hour)
    const again = ask()
    await pass(0)
    pace.heard(again.round)
    pace.heard(again.round, refusal('unauthenticated', { ended: 'removed' }))
    const asked = ask()
    await pass(0)
    expect(asked.had).toBe(true)
  })

  test.each([
    ['removed', refusal('unauthenticated', { ended: 'removed' })],
    ['no member', refusal('unauthenticated', { enrolled: false })],
  ])('believes answers that say %s from the second one on, for longer each time', async (_, error) => {
    const { pace, pass, ask } = paceOn()
    let asked = ask()
    await pass(0)
    pace.heard(asked.round, error)
    asked = ask()
    await pass(0)
    expect(asked.had).toBe(true)
    for (const ms of [minute, 2 * minute, 4 * minute]) {
      pace.heard(asked.round, error)
      asked = ask()
      await pass(ms - 1)
      expect(asked.had).toBe(false)
      await pass(1)
      expect(asked.had).toBe(true)
    }
  })

  test('takes the refusals of requests that were on their way together for one', async () => {
    const { pace, pass, ask } = paceOn()
    const together = [ask(), ask(), ask()]
    await pass(0)
    for (const { round } of together) pace.heard(round, refusal('unauthenticated', { ended: 'removed' }))
    const asked = ask()
    await pass(0)
    expect(asked.had).toBe(true)
  })

  test.each([
    ['an expired credential', refusal('unauthenticated', { enrolled: true })],
    ['a control plane that does not answer', new MeshError('unavailable', 'x')],
    ['a revocation that no list names', refusal('revoked')],
  ])('is not slowed by %s', async (_, error) => {
    const { pace, pass, ask } = paceOn()
    for (let i = 0; i < 5; i++) pace.heard(i, error)
    const asked = ask()
    await pass(0)
    expect(asked.had).toBe(true)
  })

  test('ends the wait of who gives up, and leaves no timer', async () => {
    const { pace, pass, ask, timers } = paceOn()
    pace.ended()
    const giveUp = new AbortController()
    const [waiting, late] = [ask(giveUp.signal), ask(AbortSignal.abort('late'))]
    giveUp.abort('enough')
    await pass(0)
    expect([waiting.failed, late.failed]).toEqual(['enough', 'late'])
    expect(timers).toEqual([])
  })
})
