import { expect, it } from 'vitest'

import { argumentsOf, readAllowedProgram } from './allowed-program.ts'

const given = (allowed: string, ...command: string[]) => argumentsOf(command, readAllowedProgram(allowed)!)

it.each(['systemctl status', './run', '', '/usr/bin/', '/usr/bin/a\0b'])('is no allowed program: %j', text =>
  expect(readAllowedProgram(text)).toBeUndefined(),
)

it('allows the words that its owner wrote, and arguments behind them only with *', () => {
  expect(given('/bin/date', '/bin/date')).toEqual([])
  expect(given('/bin/date', 'date')).toEqual([])
  expect(given('/bin/date', 'date', 'now')).toBeUndefined()
  expect(given('/bin/date', '/usr/bin/date')).toBeUndefined()
  expect(given('/bin/date', 'bin/date')).toBeUndefined()
  expect(given('/bin/date', '')).toBeUndefined()
  expect(given('/usr/bin/systemctl status', 'systemctl')).toBeUndefined()
  expect(given('/usr/bin/systemctl status *', 'systemctl', 'status', 'a', 'b')).toEqual(['status', 'a', 'b'])
  expect(given('/usr/bin/systemctl status *', 'systemctl', 'stop', 'a')).toBeUndefined()
  expect(given('/usr/bin/du -s *', 'du', '-s', 'x y; z')).toEqual(['-s', 'x y; z'])
})

it.each(['-exec', '--to-command=sh', '-', '--'])('refuses the added option %s', option => {
  expect(given('/usr/bin/find /srv *', 'find', '/srv', option)).toBeUndefined()
  expect(given('/usr/bin/find /srv *', 'find', '/srv', 'a', option)).toBeUndefined()
})
