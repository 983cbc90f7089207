import { expect, it } from 'vitest'

import type { Line } from './examine.ts'
import { changesOf } from './follow-checks.ts'

const line = (check: string, state: Line['state'], found = 'found'): Line => ({ check, state, found })

it('tells of states that changed, and of checks that begin or no longer apply', () => {
  const before = [line('clock', 'ok'), line('relay', 'ok'), line('disk', 'warn'), line('process', 'ok')]
  const after = [
    line('clock', 'ok', 'another text'),
    { ...line('relay', 'fail', 'silent'), advice: 'Start it.' },
    line('token', 'ok'),
    line('process', 'ok'),
  ]
  expect(changesOf(before, after)).toEqual([
    { check: 'relay', was: 'ok', state: 'fail', found: 'silent', advice: 'Start it.' },
    { check: 'token', state: 'ok', found: 'found' },
    { check: 'disk', was: 'warn' },
  ])
})

it('tells several lines of one check apart', () => {
  const [first, second] = [line('relay', 'ok'), line('relay', 'ok')]
  expect(changesOf([first, second], [first, { ...second, state: 'fail' }])).toHaveLength(1)
})
