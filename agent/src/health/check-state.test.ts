import { describe, expect, test } from 'vitest'
import { CheckState, type CheckLevel } from './check-state.ts'
import { healthDefaults } from './defaults.ts'

const levels: Record<string, CheckLevel> = { p: 'passing', w: 'warning', f: 'failing' }
const letters = { passing: 'p', warning: 'w', failing: 'f' }

/** The levels after each of the results, one letter each, a second apart. */
function after(results: string, thresholds = { failAfter: 3, passAfter: 2 }): string {
  const state = new CheckState(thresholds)
  return [...results]
    .map((letter, at) => {
      state.note({ level: levels[letter]! }, at * 1_000)
      return letters[state.level!]
    })
    .join('')
}

describe('the state of a check', () => {
  test.each([
    ['the first result counts at once', 'f', 'f'],
    ['the first result counts at once', 'p', 'p'],
    ['it fails after three bad results in a row', 'pfff', 'pppf'],
    ['a good result between them begins the row anew', 'pffpff', 'pppppp'],
    ['it passes after two good results in a row', 'fpp', 'ffp'],
    ['a bad result between them begins the row anew', 'fpfpp', 'ffffp'],
    ['a warning after a failure is better, and needs the same row', 'fww', 'ffw'],
    ['warnings and failures in one row make it worse together', 'pwff', 'pppf'],
  ])('%s', (_, results, states) => expect(after(results)).toBe(states))

  test('a check that changes too often is damped: it fails until it was calm for the window', () => {
    const state = new CheckState({ failAfter: 1, passAfter: 1 })
    let now = 0
    const note = (level: CheckLevel) => state.note({ level }, (now += 1_000))
    note('passing')
    for (let change = 0; change < healthDefaults.dampAfter; change++)
      expect(note(change % 2 === 0 ? 'failing' : 'passing')).toBe(true)
    expect(state.damped(now)).toBe(false)
    expect(note('failing')).toBe(true)
    expect(state.damped(now)).toBe(true)
    expect(note('passing')).toBe(false)
    expect(state.level).toBe('failing')
    now += healthDefaults.dampWindowMs
    expect(note('passing')).toBe(true)
    expect(state.damped(now)).toBe(false)
  })
})
