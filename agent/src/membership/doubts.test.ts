import { describe, expect, test } from 'vitest'
import { membershipDefaults } from './defaults.ts'
import { Doubts } from './doubts.ts'

const { doubtMs, doubtMostMs, doubtAskMs } = membershipDefaults

describe('Doubts', () => {
  test('end by themselves, later each time in a row, and with a link', () => {
    let now = 0
    const doubts = new Doubts(() => now)
    for (const ms of [doubtMs, 2 * doubtMs, 4 * doubtMs, 8 * doubtMs, doubtMostMs, doubtMostMs]) {
      doubts.doubt('ada')
      now += ms - 1
      expect(doubts.has('ada')).toBe(true)
      now += 1
      expect(doubts.has('ada')).toBe(false)
    }
    doubts.doubt('ada')
    doubts.trust('ada')
    expect(doubts.has('ada')).toBe(false)
    doubts.doubt('ada')
    now += doubtMs
    expect(doubts.has('ada')).toBe(false)
  })

  test('let one call find out, while the others doubt on', () => {
    let now = 0
    const doubts = new Doubts(() => now)
    doubts.asked('ada')
    expect(doubts.has('ada')).toBe(false)
    doubts.doubt('ada')
    now = doubtMs
    doubts.asked('ada')
    expect(doubts.has('ada')).toBe(true)
    now += doubtAskMs
    expect(doubts.has('ada')).toBe(false)
  })

  test('are bounded: the oldest are forgotten', () => {
    const doubts = new Doubts(() => 0)
    for (let i = 0; i <= membershipDefaults.doubted; i++) doubts.doubt(`m${i}`)
    expect([doubts.has('m0'), doubts.has('m1')]).toEqual([false, true])
  })
})
