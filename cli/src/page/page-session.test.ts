import { expect, test } from 'vitest'

import { pageDefaults } from './page-defaults.ts'
import { PageSession } from './page-session.ts'

test('a key opens the page once, in its time', () => {
  let now = 0
  const session = new PageSession(() => now)
  const { key } = session
  expect(() => session.open(`${key}x`)).toThrow('its address is another one')
  expect(() => session.mustHold({ cookie: undefined, proof: undefined })).toThrow('did not open')
  const { cookie, proof } = session.open(key)
  expect(() => session.open(key)).toThrow('opened already')
  session.mustHold({ cookie, proof })
  for (const shown of [
    { cookie, proof: undefined },
    { cookie: undefined, proof },
    { cookie: proof, proof: cookie },
  ])
    expect(() => session.mustHold(shown)).toThrow('did not open')

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
    session.mustHold(shown)
  }
  now += pageDefaults.idleMs + 1
  expect(session.isOver).toBe(true)
  expect(() => session.mustHold(shown)).toThrow('idle for too long')
})
