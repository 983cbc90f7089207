import { expect, it } from 'vitest'
import { AttemptPace } from './attempt-pace.ts'
import { upgradeDefaults } from './defaults.ts'

const { attemptsInVain, firstInVainMs, againInVainMs, rememberedPeers } = upgradeDefaults

function open() {
  const at = { ms: 1_000 }
  const pace = new AttemptPace({ now: () => at.ms })
  const failAll = () => {
    for (let n = 0; n < attemptsInVain; n++) pace.ended(`peer-${n}`, false)
  }
  return { at, pace, failAll }
}

it('holds nothing back while some attempt leads to a direct path', () => {
  const { pace, failAll } = open()
  expect([pace.turn('first'), pace.turn('again'), pace.turn('again')]).toEqual([0, 0, 0])
  failAll()
  pace.ended('lucky', true)
  expect([pace.turn('first'), pace.turn('again'), pace.turn('again')]).toEqual([0, 0, 0])
})

it('lets attempts begin one by one where none succeeds, those on new links sooner', () => {
  const { at, pace, failAll } = open()
  failAll()
  expect([pace.turn('again'), pace.turn('again'), pace.turn('again')]).toEqual([
    0,
    againInVainMs,
    2 * againInVainMs,
  ])
  expect([pace.turn('first'), pace.turn('first')]).toEqual([0, firstInVainMs])
  at.ms += 2 * firstInVainMs
  expect(pace.turn('first')).toBe(0)
})

it('begins anew when the own network changed', () => {
  const { pace, failAll } = open()
  failAll()
  pace.turn('again')
  pace.reset()
  expect(pace.turn('again')).toBe(0)
  expect(pace.failures('peer-0')).toBe(0)
})

it('counts the failures of each peer in a row, of so many peers', () => {
  const { pace } = open()
  pace.ended('B', false)
  pace.ended('B', false)
  expect(pace.failures('B')).toBe(2)
  pace.ended('B', true)
  expect(pace.failures('B')).toBe(0)
  pace.ended('C', false)
  pace.forget('C')
  expect(pace.failures('C')).toBe(0)
  pace.ended('oldest', false)
  for (let n = 0; n < rememberedPeers; n++) pace.ended(`peer-${n}`, false)
  expect([pace.failures('oldest'), pace.failures('peer-0')]).toEqual([0, 1])
})
