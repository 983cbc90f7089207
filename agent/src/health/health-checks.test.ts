import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HealthBeat } from './beat.ts'
import type { CheckResult } from './check-state.ts'
import { HealthChecks, type CheckReport } from './health-checks.ts'
import { ManualClock } from './testing/manual-clock.ts'

let clock: ManualClock
let checks: HealthChecks
let changes: CheckReport[]

beforeEach(() => {
  clock = new ManualClock()
  const beat = new HealthBeat(clock, error => expect.unreachable(String(error)))
  checks = new HealthChecks({ beat, log: pino({ level: 'silent' }), random: () => 0.5 })
  changes = []
  checks.onChange(change => void changes.push(change))
  beat.start()
  checks.start()
})
afterEach(() => checks.stop())

/** Lets a run that has begun end. */
const settled = () => new Promise(resolve => setImmediate(resolve))

test('a check of the program runs at once and then at its pace; the process is ready when it passes', async () => {
  const run = vi.fn()
  checks.check('queue', run, { everyMs: 5_000 })
  expect(checks.ready).toBe(false)
  expect(checks.reports()).toMatchObject([{ name: 'queue', level: 'unknown' }])
  await settled()
  expect(checks.ready).toBe(true)
  clock.advance(4_000)
  expect(run).toHaveBeenCalledTimes(1)
  clock.advance(1_000)
  expect(run).toHaveBeenCalledTimes(2)
})

test('a check fails after failAfter throws, with its reason, and passes again after passAfter runs', async () => {
  let broken = false
  const options = { everyMs: 1_000, failAfter: 2, passAfter: 2 }
  checks.check(
    'queue',
    () => {
      if (broken) throw new Error('no\nbroker')
    },
    options,
  )
  await settled()
  const runs = async (count: number) => {
    for (let i = 0; i < count; i++) {
      clock.advance(1_000)
      await settled()
    }
  }
  broken = true
  await runs(1)
  expect(checks.ready).toBe(true)
  await runs(1)
  expect(checks.ready).toBe(false)
  expect(changes).toMatchObject([{ name: 'queue', level: 'failing', reason: 'no\\x0abroker' }])
  broken = false
  await runs(2)
  expect(changes.at(-1)).toMatchObject({ name: 'queue', level: 'passing' })
  expect(checks.ready).toBe(true)
})

test('a text warns, and leaves the process ready', async () => {
  checks.check('queue', () => 'half full')
  await settled()
  expect(checks.reports()).toMatchObject([{ level: 'warning', reason: 'half full' }])
  expect(checks.ready).toBe(true)
})

test('a built-in check is read for each report, without waiting for its turn', () => {
  let result: CheckResult = { level: 'passing' }
  checks.builtIn('disk', () => result)
  expect(checks.ready).toBe(true)
  result = { level: 'failing', reason: 'full' }
  expect(checks.reports()).toMatchObject([{ name: 'disk', level: 'failing', reason: 'full' }])
})

test('a failure is logged as a warning, unless it was asked for', () => {
  const lines: string[] = []
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) })
  const beat = new HealthBeat(clock, error => expect.unreachable(String(error)))
  const logged = new HealthChecks({ beat, log })
  let result: CheckResult = { level: 'passing' }
  logged.builtIn('serving', () => result)
  logged.reports()
  result = { level: 'failing', reason: 'leaving', expected: true }
  expect(logged.ready).toBe(false)
  result = { level: 'passing' }
  logged.reports()
  result = { level: 'failing', reason: 'broken' }
  logged.reports()
  const shown = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  expect(shown.map(({ level, event, reason }) => [level, event, reason])).toEqual([
    [30, 'check-changed', 'leaving'],
    [30, 'check-changed', undefined],
    [40, 'check-failing', 'broken'],
  ])
})

test('a check that was removed runs no more, and its name is free', async () => {
  const run = vi.fn()
  const remove = checks.check('queue', run, { everyMs: 1_000 })
  expect(() => checks.check('queue', run)).toThrow(/Cannot add check queue: there is one of this name/)
  await settled()
  remove()
  clock.advance(5_000)
  expect(run).toHaveBeenCalledTimes(1)
  checks.check('queue', run)
})

test('options that do not fit are refused, by name', () => {
  const add = (name: string, options: object) => () => checks.check(name, () => undefined, options)
  expect(add('My Check', {})).toThrow(/Cannot add check: is not the name of a check/)
  expect(add('queue', { every: 5 })).toThrow(/Cannot add check queue: unknown field every/)
  expect(add('queue', { failAfter: 0 })).toThrow(/Cannot add check queue: failAfter: is under 1/)
  expect(() => checks.check('queue', 'no function' as never)).toThrow(/it has no function to run/)
})

test('stop() ends while a check hangs, and aborts its signal', async () => {
  let aborted = false
  checks.check('queue', ({ signal }) => {
    signal.addEventListener('abort', () => (aborted = true))
    return new Promise(() => undefined)
  })
  await checks.stop()
  expect(aborted).toBe(true)
})
