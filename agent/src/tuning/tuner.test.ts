/** Tuned settings under load, in virtual time: each call says how long it took, and when. */
import type { StartTimer } from '@agent-mesh/protocol/timers'
import { describe, expect, it, vi } from 'vitest'
import { Hedging } from '../services/call/hedging.ts'
import { seeded } from '../services/testing/balance-simulation.ts'
import { HedgeDelayKnob } from './hedge-delay.ts'
import type { Knob } from './knob.ts'
import { Tuner } from './tuner.ts'

/** ms of an answer without a second try. */
type Load = (random: () => number) => number

/** Each eleventh call hangs for a second: too many for a second try after 95 % of the answers. */
function hanging(): Load {
  let calls = 0
  return random => (calls++ % 11 === 4 ? 1_000 : 5 + random() * 10)
}

/** Calls with `hedge: true`, 50 a second, whose second try takes as long as a first one. */
class HedgedLoad {
  readonly info = vi.fn()
  readonly hedging: Hedging
  readonly tuner: Tuner
  load: Load
  now = 0
  readonly #random = seeded(7)
  #later: { at: number; run: () => void }[] = []

  constructor(load: Load) {
    this.load = load
    this.hedging = new Hedging(0.1, (ms, run) => {
      const timer = { at: this.now + ms, run }
      this.#later.push(timer)
      return { cancel: () => void (this.#later = this.#later.filter(other => other !== timer)) } as never
    })
    this.tuner = new Tuner({
      knobs: [new HedgeDelayKnob(this.hedging)],
      now: () => this.now,
      date: () => 1_000_000 + this.now,
      log: { info: this.info } as never,
    })
  }

  /** @returns ms that 99 % of the calls took */
  run(seconds: number): number {
    const took: number[] = []
    for (const end = this.now + seconds * 1_000; this.now < end; this.now += 20) took.push(this.#call())
    return took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)]!
  }

  #call(): number {
    const first = this.load(this.#random)
    let second = Infinity
    this.#later = []
    const startedAt = this.now
    const ended = this.hedging.sent(
      'a.b',
      true,
      () => (second = this.now - startedAt + this.load(this.#random)),
    )
    for (const { at, run } of this.#later)
      if (at - startedAt < first) {
        this.now = at
        run()
      }
    this.now = startedAt
    const ms = Math.min(first, second)
    ended(true, ms)
    this.tuner.called(ms, this.now)
    return ms
  }
}

describe('tuning', () => {
  it('sends second tries earlier where that helps: the p99 falls to less than a fifth, and the change is kept', () => {
    const mesh = new HedgedLoad(hanging())
    expect(mesh.run(30)).toBe(1_000)
    mesh.run(40)
    expect(mesh.tuner.stateOf('hedgeDelay')).toBe('trial')
    mesh.run(90)
    expect(mesh.run(30)).toBeLessThan(200)
    expect(mesh.tuner.changes).toEqual([
      expect.objectContaining({ setting: 'hedgeDelay', before: 'p95', outcome: 'kept' }),
    ])
    const [first] = mesh.tuner.changes
    expect(first!.p99AfterMs! * 5).toBeLessThan(first!.p99BeforeMs)
    expect(mesh.info.mock.calls).toEqual([
      [expect.objectContaining({ before: 'p95', after: first!.after }), 'a tuned setting is tried'],
      [expect.objectContaining({ before: 'p95', after: first!.after }), 'a tuned setting is kept'],
    ])
  })

  it('rolls a change back 30 s after the p99 became worse by more than 10 %, and lets the setting rest', () => {
    const mesh = new HedgedLoad(hanging())
    while (mesh.tuner.stateOf('hedgeDelay') !== 'trial') mesh.run(1)
    const changedAt = mesh.now
    mesh.load = random => (random() < 0.5 ? 2_000 : 5)
    while (mesh.tuner.stateOf('hedgeDelay') === 'trial') mesh.run(1)
    expect(mesh.now - changedAt).toBeGreaterThanOrEqual(29_000)
    expect(mesh.now - changedAt).toBeLessThan(45_000)
    expect(mesh.hedging.delay).toEqual({ share: 0.95 })
    expect(mesh.tuner.stateOf('hedgeDelay')).toBe('resting')
    expect(mesh.tuner.changes).toEqual([expect.objectContaining({ outcome: 'rolled back', before: 'p95' })])
    expect(mesh.info).toHaveBeenLastCalledWith(
      expect.objectContaining({ setting: 'hedgeDelay', before: 'p95' }),
      'a tuned setting is rolled back',
    )
    mesh.load = hanging()
    mesh.run(500)
    expect(mesh.tuner.outcomes).toEqual({ trial: 1, kept: 0, 'rolled back': 1 })
    mesh.run(300)
    expect(mesh.tuner.outcomes.trial).toBe(2)
  })

  it('leaves a setting alone whose shadow gains nothing', () => {
    const mesh = new HedgedLoad(random => 5 + random() * 10)
    mesh.run(300)
    expect([mesh.tuner.changes, mesh.tuner.stateOf('hedgeDelay')]).toEqual([[], 'shadow'])
  })
})

/** A setting whose change makes calls take `after` ms. */
function steppedKnob(): Knob & { applied: boolean } {
  const knob = {
    name: 'compression' as const,
    value: 'off',
    isWatching: true,
    applied: false,
    watch: vi.fn(),
    propose: () => ({
      ...{ after: 'on', reason: 'seen' },
      apply: () => void (knob.applied = true),
      revert: () => void (knob.applied = false),
    }),
  }
  return knob
}

describe('a trial', () => {
  const tuned = () => {
    let now = 0
    const knob = steppedKnob()
    const timers = new Set<{ at: number; work: () => void }>()
    const start: StartTimer = (ms, work) => {
      const timer = { at: now + ms, work }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    }
    const fire = () => {
      for (const timer of timers)
        if (timer.at <= now) {
          timers.delete(timer)
          timer.work()
        }
    }
    const log = { info: vi.fn() }
    const tuner = new Tuner({ knobs: [knob], now: () => now, date: () => 0, log: log as never, start })
    const run = (seconds: number, ms: number, everyMs = 50) => {
      for (const end = now + seconds * 1_000; now < end; now += everyMs) {
        fire()
        tuner.called(ms, now)
      }
    }
    const rest = (seconds: number) => {
      now += seconds * 1_000
      fire()
    }
    return { knob, tuner, timers, log, run, rest }
  }

  it('is not ended by calls that are worse for less than 30 s, nor by 10 %', () => {
    const { knob, tuner, run } = tuned()
    run(31, 10)
    expect(knob.applied).toBe(true)
    run(19, 20)
    run(60, 10.5)
    expect([knob.applied, tuner.outcomes.kept]).toEqual([true, 1])
  })

  it('is rolled back by 12 % for 30 s', () => {
    const { knob, tuner, run } = tuned()
    run(31, 10)
    run(45, 11.4)
    expect([knob.applied, tuner.outcomes['rolled back']]).toEqual([false, 1])
  })

  it('is judged by windows with enough calls and without a rest alone', () => {
    const { knob, tuner, run, rest } = tuned()
    run(31, 10)
    run(40, 50, 500)
    rest(15)
    run(1, 50)
    expect([knob.applied, tuner.outcomes]).toEqual([true, { trial: 1, kept: 0, 'rolled back': 0 }])
  })

  it('ends when the load ends: the setting is as before, and does not rest', () => {
    const { knob, tuner, timers, log, run, rest } = tuned()
    run(31, 10)
    run(15, 10)
    expect([knob.applied, timers.size]).toEqual([true, 1])
    rest(70)
    expect([knob.applied, timers.size, tuner.stateOf('compression')]).toEqual([false, 0, 'shadow'])
    expect(tuner.outcomes).toEqual({ trial: 1, kept: 0, 'rolled back': 1 })
    expect(log.info).toHaveBeenLastCalledWith(expect.anything(), 'a tuned setting is rolled back')
    run(45, 10)
    expect([knob.applied, tuner.outcomes.trial]).toEqual([true, 2])
  })

  it('has a timer until it is judged, and none outside', () => {
    const { tuner, timers, run } = tuned()
    run(29, 10)
    expect(timers.size).toBe(0)
    run(2, 10)
    expect(timers.size).toBe(1)
    run(90, 9)
    expect([tuner.outcomes.kept, tuner.stateOf('compression') === 'trial' ? 1 : 0]).toEqual([1, timers.size])
  })
})
