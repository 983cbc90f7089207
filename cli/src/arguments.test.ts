import { announced, listened } from '@agent-mesh/agent/member/address-form'
import { describe, expect, it } from 'vitest'

import {
  collect,
  collectAddress,
  collectFields,
  parseCount,
  parseDuration,
  parseJoin,
  parseListen,
  parseNewFile,
  parseParams,
} from './arguments.ts'

describe('parseDuration()', () => {
  it.each([
    ['500ms', 500],
    ['5s', 5_000],
    ['1.5s', 1_500],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ])('reads %s as %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '5', 's', '0s', '-1s', '5 s', '1e3s', 'Infinitys'])('refuses %j', text =>
    expect(() => parseDuration(text)).toThrow('number and a unit'),
  )
})

describe('parseNewFile()', () => {
  it('takes a name', () => expect(parseNewFile('./-')).toBe('./-'))

  it.each(['', '-', '--force'])('refuses %j, of which no file of keys is made', text =>
    expect(() => parseNewFile(text)).toThrow('not the name of a file'),
  )
})

describe('parseListen()', () => {
  it.each([
    ['127.0.0.1:8440', { host: '127.0.0.1', port: 8440 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['mesh.example.com:80', { host: 'mesh.example.com', port: 80 }],
    [':8440', { host: '0.0.0.0', port: 8440 }],
    ['*:8440', { host: '0.0.0.0', port: 8440 }],
    ['8440', { host: '127.0.0.1', port: 8440 }],
  ])('reads %s', (text, address) => expect(parseListen(text)).toEqual(address))

  it.each(['', 'host', 'host:', 'host:70000', '::1:80', 'http://x:1'])('refuses %j', text =>
    expect(() => parseListen(text)).toThrow('HOST:PORT'),
  )
})

describe('parseJoin()', () => {
  it.each(['amj1.x', '@/run/token', '-'])('takes %s', text => expect(parseJoin(text)).toBe(text))

  it.each(['', '@', '--name', '-n'])('refuses %j', text => expect(() => parseJoin(text)).toThrow('@FILE'))
})

describe('other arguments', () => {
  it('are counted from 1', () => {
    expect(parseCount('12')).toBe(12)
    for (const text of ['0', '-1', '1.5', 'x', '99999999999999999999'])
      expect(() => parseCount(text)).toThrow()
  })

  it('are params as JSON, @FILE or -, and the refusal says how to quote', () => {
    for (const text of ['{"a":[1,null]}', '@params.json', '-', '"text"']) expect(parseParams(text)).toBe(text)
    for (const text of ['{a:1}', '@', '']) expect(() => parseParams(text)).toThrow(`'{"a":1}'`)
  })

  it.each([
    ['a=', ['a'], ''],
    ['a=b=c', ['a'], 'b=c'],
    ['a b=\n', ['a b'], '\n'],
    ['a[b][c]=1', ['a', 'b', 'c'], '1'],
    ['a[]=1', ['a', ''], '1'],
    ['a[b][]=1', ['a', 'b', ''], '1'],
    ['a[][b]=1', ['a', '', 'b'], '1'],
  ])('are the field %j', (text, path, value) =>
    expect(collectFields([], false)(text)).toEqual([{ path, value, typed: false }]),
  )

  it.each(['', 'a', '=1', '[a]=1', 'a[b=1', 'a]b=1', 'a[b]c=1'])('refuse the field %j', text =>
    expect(() => collectFields([], false)(text)).toThrow('key=value'),
  )

  it('are collected when repeated', () => {
    expect(collect('b', collect('a', undefined))).toEqual(['a', 'b'])
  })
})

describe('collectAddress()', () => {
  it.each(['0.0.0.0:4001', '[::]:4001', '/ip4/0.0.0.0/tcp/443/ws'])('takes %s as it stands', text =>
    expect(collectAddress(listened)(text, ['a'])).toEqual(['a', text]),
  )

  it.each(['4001', ':4001', '', 'host', 'http://host:80'])('refuses %j, and says what it takes', text =>
    expect(() => collectAddress(listened)(text, undefined)).toThrow('It is not HOST:PORT'),
  )

  it('refuses to announce a host that the version before does not read, and says what to do', () => {
    const host = 'a'.repeat(64)
    expect(collectAddress(announced)(`${host}:443`, undefined)).toEqual([`${host}:443`])
    expect(() => collectAddress(announced)(`${host}a:443`, undefined)).toThrow(
      /^It has a host of 65 characters, .* take 64: announce a shorter name .* IP address\.$/,
    )
  })
})
