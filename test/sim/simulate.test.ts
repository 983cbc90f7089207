/** The simulator itself, and wounds of other implementations of SWIM, on the product's modules in virtual time. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commandOf, readCommandLine } from './command-line.ts'
import { drawings, readFigures } from './curves.ts'
import { faultKinds } from './faults.ts'
import { faultsOf } from './judge-run.ts'
import { isExcused } from './observations.ts'
import { shrink } from './shrink.ts'
import { simulate, type SimOptions } from './simulate.ts'

const optionsOf = (line: string): SimOptions => readCommandLine(line.split(' ')).options

function faultsOfRun(line: string): string[] {
  const options = optionsOf(line)
  return faultsOf(simulate(options), options)
}

describe('npm run sim', () => {
  test('does exactly the same with the same seed, and something else with another', () => {
    const [first, again, other] = [7, 7, 8].map(seed =>
      simulate(optionsOf(`--members 40 --seed ${seed} --hours 0.05`)),
    )
    expect(again).toEqual(first)
    expect(other?.log).not.toBe(first?.log)
    expect(first?.events).toBeGreaterThan(1_000)
  })

  test('prints a command that is read as the same run', () => {
    const options = optionsOf('--members 40 --seed 7 --hours 0.2 --faults swarm --relays 1')
    expect(optionsOf(commandOf(options).replace('npm run sim -- ', ''))).toEqual(options)
  })

  test('refuses what it does not know', () => {
    expect(() => readCommandLine(['--faults', 'fire'])).toThrow(/Cannot read --faults fire/)
    expect(() => readCommandLine(['--members', 'x'])).toThrow(/Cannot read --members x/)
  })

  test('makes a failure smaller as long as it fails', () => {
    const options = { ...optionsOf('--members 100 --hours 1'), faults: faultKinds }
    const smaller = shrink(options, ({ faults, members }) => faults.includes('pauses') && members >= 20)
    expect(smaller).toMatchObject({ faults: ['pauses'], members: 25, relays: 0 })
  })
})

test.each([
  ['while it could not answer for more than 3 s', 3_100, 3_100, true],
  ['after 3 s or less', 3_000, 3_000, false],
  ['until 2 s after it could answer again', 4_000, 5_900, true],
  ['not later', 4_000, 6_000, false],
])('a verdict about a member that runs is excused %s', (_, until, now, excused) => {
  expect(isExcused({ from: 0, until }, now)).toBe(excused)
})

test.each(Object.entries(drawings(readFigures())))('%s shows the figures that are kept', (name, drawing) => {
  expect(readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8')).toBe(drawing)
})

describe('failure detection', () => {
  test.each([0, 2])('with %i relays finds silent members in time, and buries none that pauses', relays => {
    const options = optionsOf(`--members 120 --relays ${relays} --hours 0.08`)
    const result = simulate(options)
    expect(faultsOf(result, options)).toEqual([])
    expect(result.p99_ms).toBeLessThan(9_000)
  })

  test('of survivors without relays agrees within 10 s when 30 % are killed at once', () => {
    expect(faultsOfRun('--members 100 --relays 0 --kill 0.3 --paused 0 --hours 0.03')).toEqual([])
  })

  test.each(faultKinds)('survives %s, and all agree a minute later', kind => {
    expect(faultsOfRun(`--members 40 --faults ${kind} --hours 0.12`)).toEqual([])
  })

  test('heals by relays that dial those which they take for dead, after the links of a partition were given up', () => {
    expect(faultsOfRun('--members 20 --faults partition --hours 0.12')).toEqual([])
  })

  test('of a lone relay asks other agents: one path that is blocked one way is no proof', () => {
    const line = '--seed 20 --members 6 --relays 1 --hours 0.167 --paused 0 --crashes 0 --faults blackHole'
    expect(faultsOfRun(line)).toEqual([])
  })
})
