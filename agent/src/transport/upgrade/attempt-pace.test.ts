import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AttemptPace, type AttemptKind } from './attempt-pace.ts'
import { upgradeDefaults } from './defaults.ts'

const { attemptsInVain, firstInVainMs, againInVainMs, rememberedPeers } = upgradeDefaults

let pace: AttemptPace
let begun: string[]

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  pace = new AttemptPace()
  begun = []
})
afterEach(() => {
  pace.stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const begin = (peerId: string, kind: AttemptKind = 'again') =>
  pace.begin(peerId, kind, () => begun.push(peerId))
const failAll = () => {
  for (let n = 0; n < attemptsInVain; n++) pace.ended(`peer-${n}`, false)
}
const count = (times: number, kind: AttemptKind) => {
  for (let n = 0; n < times; n++) begin(`${kind}-${n}`, kind)
}

it('holds nothing back while some attempt leads to a better path', () => {
  count(3, 'first')
  failAll()
  pace.ended('lucky', true)
  count(3, 'again')
  expect(begun).toHaveLength(6)
})

it('holds nothing back for one peer whose attempts always fail', () => {
  for (let n = 0; n < 100; n++) pace.ended('B', false)
  count(5, 'again')
  expect(begun).toHaveLength(5)
})

it('lets attempts begin one by one where none succeeds, those on new links sooner', () => {
  failAll()
  count(3, 'again')
  count(3, 'first')
  vi.advanceTimersByTime(1)
  expect(begun.toSorted()).toEqual(['again-0', 'first-0'])
  vi.advanceTimersByTime(2 * firstInVainMs)
  expect(begun).toHaveLength(4)
  vi.advanceTimersByTime(2 * againInVainMs)
  expect(begun).toHaveLength(6)
})

it('gives a peer one turn however often it asks, and none to one that left', () => {
  failAll()
  for (let n = 0; n < 1_000; n++) begin('loud')
  begin('gone')
  pace.leave('gone')
  begin('quiet')
  vi.advanceTimersByTime(againInVainMs + 1)
  expect(begun).toEqual(['loud', 'quiet'])
})

it('lets all begin that waited when one succeeds, or when the own network changed', () => {
  failAll()
  count(4, 'again')
  pace.ended('lucky', true)
  expect(begun).toHaveLength(4)
  failAll()
  failAll()
  count(4, 'again')
  pace.reset()
  expect(begun).toHaveLength(8)
  expect(pace.failures('peer-0')).toBe(0)
})

it('counts the failures of each peer in a row, of so many peers', () => {
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
