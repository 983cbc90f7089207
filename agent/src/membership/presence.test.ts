import { expect, test } from 'vitest'
import { Presence } from './presence.ts'

const up = (...peers: string[]) => ({ full: false, up: peers, down: [] })

test('Presence takes changes from each relay and tells which one says that a member is online', () => {
  const presence = new Presence()
  presence.tell('relay-1', { full: true, up: ['ada', 'ben'], down: [] })
  presence.tell('relay-2', up('cleo'))
  expect(['ada', 'cleo', 'dan'].map(peer => presence.at(peer))).toEqual(['relay-1', 'relay-2', undefined])
  presence.tell('relay-1', { full: false, up: ['dan'], down: ['ada'] })
  expect(['ada', 'ben', 'dan'].map(peer => presence.at(peer))).toEqual([undefined, 'relay-1', 'relay-1'])
})

test('Presence drops with a full report whom it does not name', () => {
  const presence = new Presence()
  presence.tell('relay-1', up('ada'))
  presence.tell('relay-1', { full: true, up: ['ben'], down: [] })
  expect([presence.at('ada'), presence.at('ben')]).toEqual([undefined, 'relay-1'])
})

test('Presence keeps an agent online that moved, when its old relay is forgotten', () => {
  const presence = new Presence()
  presence.tell('relay-1', up('ada'))
  presence.tell('relay-2', up('ada'))
  presence.forget('relay-1')
  expect(presence.at('ada')).toBe('relay-2')
})
