import { expect, test } from 'vitest'

import { pageDefaults } from './page-defaults.ts'
import { PageSession } from './page-session.ts'

const over = AbortSignal.abort()

test('a key opens the page once, in its time', () => {
  let now = 0
  const session = new PageSession(() => now)
  const { key } = session
  expect(() => session.open(`${key}x`)).toThrow('its address is another one')
  expect(() => session.mustHold({ cookie: undefined, proof: undefined }, over)).toThrow('did not open')
  const { cookie, proof } = session.open(key)
  expect(() => session.open(key)).toThrow('opened already')
  session.mustHold({ cookie, proof }, over)
  for (const shown of [
    { cookie, proof: undefined },
    { cookie: undefined, proof },
    { cookie: proof, proof: cookie },
  ])
    expect(() => session.mustHold(shown, over)).toThrow('did not open')

  const late = new PageSession(() => now)
  now += pageDefaults.keyMs + 1
  expect(() => late.open(late.key)).toThrow('too old')
})

test('a session ends when it was idle for too long, not when it is used', () => {
  let now = 0
  const session = new PageSession(() => now)
  const shown = session.open(session.key)
  for (let i = 0; i < 4; i++) {
    now += pageDefaults.idleMs
    session.mustHold(shown, over)
  }
  now += pageDefaults.idleMs + 1
  expect(session.isOver).toBe(true)
  expect(() => session.mustHold(shown, over)).toThrow('idle for too long')
})

test('a session is used as long as a tab follows the members', () => {
  let now = 0
  const session = new PageSession(() => now)
  const shown = session.open(session.key)
  const tab = new AbortController()
  session.mustHold(shown, tab.signal)
  now += 2 * pageDefaults.idleMs
  session.mustHold(shown, over)
  tab.abort()
  now += pageDefaults.idleMs
  expect(session.isOver).toBe(false)
  now += 1
  expect(session.isOver).toBe(true)
})
