import { MeshError } from '@agent-mesh/protocol/errors'
import { expect, it } from 'vitest'

import { ownersBrowser } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import { BrowserSessions } from './browser-sessions.ts'

const host = 'grafana.web-1.mesh.localhost:8441'
const other = 'grafana.web-2.mesh.localhost:8441'

it('a key opens its address once, and the cookie is good for this address alone', () => {
  const sessions = new BrowserSessions()
  const key = sessions.invite({ host, caller: ownersBrowser })
  expect(() => sessions.open(key, other)).toThrow('unknown, or was opened already')
  expect(() => sessions.find([key], host)).toThrow('did not open it')
  const cookie = sessions.open(key, host)
  expect(() => sessions.open(key, host)).toThrow('unknown, or was opened already')
  expect(() => sessions.open(cookie, host)).toThrow('unknown, or was opened already')
  expect(sessions.find(['planted by another member', cookie], host)).toMatchObject({ app: 'browser' })
  expect(() => sessions.find([cookie], other)).toThrow('did not open it')
  expect(() => sessions.find([], host)).toThrow('did not open it')
})

it('a key that is not opened in its time, and a session after its time, are over', () => {
  let now = 0
  const sessions = new BrowserSessions(() => now)
  const late = sessions.invite({ host, caller: ownersBrowser })
  const cookie = sessions.open(sessions.invite({ host, caller: ownersBrowser }), host)
  now += gatewayDefaults.keyMs + 1
  expect(() => sessions.open(late, host)).toThrow('too old')
  const caller = sessions.find([cookie], host)
  now = gatewayDefaults.sessionMs + 1
  // So ends what is open, too.
  expect(() => caller.mustHold()).toThrow('its session is over')
  expect(() => sessions.find([cookie], host)).toThrow('its session is over')
})

it('a session ends with its token', () => {
  let isRevoked = false
  const mustHold = () => {
    if (isRevoked) throw new MeshError('unauthenticated', 'revoked')
  }
  const sessions = new BrowserSessions()
  const caller = { ...ownersBrowser, mustHold }
  const key = sessions.invite({ host, caller })
  const cookie = sessions.open(sessions.invite({ host, caller }), host)
  const held = sessions.find([cookie], host)
  isRevoked = true
  expect(() => sessions.open(key, host)).toThrow('revoked')
  expect(() => sessions.find([cookie], host)).toThrow('revoked')
  expect(() => held.mustHold()).toThrow('revoked')
})

it('sessions of an address, of a caller, or all are signed out, with what they have open', () => {
  const sessions = new BrowserSessions()
  const program = { ...ownersBrowser, id: 'program' }
  const signIn = (at: string, caller = ownersBrowser) =>
    sessions.open(sessions.invite({ host: at, caller }), at)
  const cookies = [signIn(host), signIn(host, program), signIn(other)]
  const key = sessions.invite({ host, caller: program })
  const [owners, programs] = cookies.slice(0, 2).map(cookie => sessions.find([cookie], host))
  expect(sessions.close({ host, callerId: 'program' })).toEqual({ browsers: 1, addresses: 1 })
  expect(() => programs!.mustHold()).toThrow('its session is over')
  expect(() => sessions.open(key, host)).toThrow('unknown')
  owners!.mustHold()
  expect(sessions.close({ host })).toEqual({ browsers: 1, addresses: 0 })
  expect(() => owners!.mustHold()).toThrow('its session is over')
  expect(sessions.close({})).toEqual({ browsers: 1, addresses: 0 })
  expect(() => sessions.find([cookies[2]!], other)).toThrow('did not open it')
})

it('one browser signs itself out, and none of another address', () => {
  const sessions = new BrowserSessions()
  const cookie = sessions.open(sessions.invite({ host, caller: ownersBrowser }), host)
  sessions.end([cookie], other)
  sessions.find([cookie], host).mustHold()
  sessions.end(['planted by another member', cookie], host)
  expect(() => sessions.find([cookie], host)).toThrow('did not open it')
})

it('one token holds so many; its oldest gives way, never that of another token', () => {
  const sessions = new BrowserSessions()
  const greedy = { ...ownersBrowser, id: 'greedy' }
  const key = sessions.invite({ host, caller: ownersBrowser })
  const keys = Array.from({ length: gatewayDefaults.sessionsOfToken + 1 }, () =>
    sessions.invite({ host, caller: greedy }),
  )
  expect(() => sessions.open(keys[0]!, host)).toThrow('unknown')
  for (const each of keys.slice(1)) sessions.open(each, host)
  sessions.open(key, host)
})
