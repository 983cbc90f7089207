import { expect, test } from 'vitest'
import { Presence } from './presence.ts'

const onError = (error: unknown) => {
  throw error
}

const up = (...peers: string[]) => ({ full: false, up: peers, down: [] })
const down = (...peers: string[]) => ({ full: false, up: [], down: peers })

test('Presence applies changes from each relay and says which one reports a member online', () => {
  const presence = new Presence(onError)
  const first = presence.from('relay-1')
  first.tell({ full: true, up: ['ada', 'ben'], down: [] })
  presence.from('relay-2').tell(up('cleo'))
  expect(['ada', 'cleo', 'dan'].map(peer => presence.at(peer))).toEqual(['relay-1', 'relay-2', undefined])
  first.tell({ full: false, up: ['dan'], down: ['ada'] })
  expect(['ada', 'ben', 'dan'].map(peer => presence.at(peer))).toEqual([undefined, 'relay-1', 'relay-1'])
})

test('Presence drops with a full report whom it does not name', () => {
  const presence = new Presence(onError)
  const stream = presence.from('relay-1')
  stream.tell(up('ada'))
  stream.tell({ full: true, up: ['ben'], down: [] })
  expect([presence.at('ada'), presence.at('ben')]).toEqual([undefined, 'relay-1'])
})

test('Presence keeps an agent online that moved, when the stream to its old relay ends', () => {
  const presence = new Presence(onError)
  const old = presence.from('relay-1')
  old.tell(up('ada'))
  presence.from('relay-2').tell(up('ada'))
  old.end()
  expect(presence.at('ada')).toBe('relay-2')
})

test('Presence ignores what a stream said once it has ended, and keeps what the next one says', () => {
  const presence = new Presence(onError)
  const old = presence.from('relay-1')
  const next = presence.from('relay-1')
  next.tell(up('ben'))
  old.end()
  old.tell({ full: true, up: ['ada'], down: [] })
  expect([presence.at('ada'), presence.at('ben')]).toEqual([undefined, 'relay-1'])
})

test('Presence says who was reported offline by its last relay, and is silent when a stream ends', () => {
  const presence = new Presence(onError)
  const heard: string[] = []
  presence.onDown(peerId => heard.push(peerId))
  const [first, second] = [presence.from('relay-1'), presence.from('relay-2')]
  first.tell(up('ada', 'ben', 'cleo'))
  second.tell(up('ben'))
  first.tell(down('ada', 'ben', 'known-by-its-record'))
  expect(heard).toEqual(['ada', 'known-by-its-record'])
  first.end()
  expect(heard).toEqual(['ada', 'known-by-its-record'])
})

test('Presence tells of each report, and when relays begin or end to report', () => {
  const presence = new Presence(onError)
  let told = 0
  const unlisten = presence.onChange(() => told++)
  const stream = presence.from('relay-1')
  stream.tell(up('ada'))
  expect([told, presence.reporting]).toEqual([2, true])
  stream.end()
  stream.end()
  expect([told, presence.reporting]).toEqual([3, false])
  stream.tell(up('ada'))
  unlisten()
  presence.from('relay-1')
  expect(told).toBe(3)
})
