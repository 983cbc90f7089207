import { expect, it } from 'vitest'

import { argumentsOf, isOpenToCallers, readAllowedProgram } from './allowed-program.ts'

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

it.each(['-s', '--files0-from=x', '-', '--'])('refuses the added option %s', option => {
  expect(given('/usr/bin/du /srv *', 'du', '/srv', option)).toBeUndefined()
  expect(given('/usr/bin/du /srv *', 'du', '/srv', 'a', option)).toBeUndefined()
})

it.each(['tar', 'awk', 'sed', 'find', 'dd', 'ar', 'make', 'sh', 'python3.12', 'gawk'])(
  'leaves %s to callers only with the arguments that its owner wrote',
  name => {
    expect(isOpenToCallers(readAllowedProgram(`/usr/bin/${name} *`)!)).toBe(true)
    expect(isOpenToCallers(readAllowedProgram(`/usr/bin/${name} x *`)!)).toBe(true)
    expect(isOpenToCallers(readAllowedProgram(`/usr/bin/${name} x`)!)).toBe(false)
  },
)

it.each(['systemctl', 'du', 'wc', 'journalctl', 'my-tar'])('lets callers add arguments to %s', name =>
  expect(isOpenToCallers(readAllowedProgram(`/usr/bin/${name} *`)!)).toBe(false),
)
