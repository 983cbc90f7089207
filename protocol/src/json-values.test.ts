import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { soundJson, UnsoundPart } from './json-values.ts'

const cyclic: Record<string, unknown> = { a: {} }
cyclic['b'] = { c: [cyclic] }
const shared = { n: 1, list: [] }

function faultOf(value: unknown): UnsoundPart {
  try {
    return expect.fail(`it is ${soundJson(value, 'params')}`)
  } catch (error) {
    return error as UnsoundPart
  }
}

class Point {
  x = 1
}

describe('values that JSON carries', () => {
  it.each([
    ['text', 'x'],
    ['a lone surrogate', '\ud800'],
    ['numbers', [0, -1, 1.5, 2 ** 53, 1e308, 5e-324, -0]],
    ['null and booleans', [null, true, false]],
    ['properties that are undefined', { a: undefined, b: { c: undefined } }],
    ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['the same object twice', [shared, shared]],
    ['a Date', { d: new Date(0) }],
    ['an object of another realm', runInNewContext('({ a: [{ b: 1 }] })')],
    ['what says what it is', { money: { toJSON: () => '1.50' } }],
    ['boxed values', [new Number(1), new String('x'), new Boolean(false)]],
    ['nothing at all', undefined],
    ['symbols as keys', { [Symbol('x')]: 1 }],
  ])('%s', (_what, value) => expect(soundJson(value, 'params')).toBe(JSON.stringify(value)))

  it('are asked once what they are in JSON', () => {
    let asked = 0
    const value = { toJSON: () => ({ n: ++asked }) }
    expect([soundJson(value, 'params'), soundJson([value, 1], 'params')]).toEqual(['{"n":1}', '[{"n":2},1]'])
  })
})

describe('values that JSON does not carry are named with their place', () => {
  it.each<[unknown, string, string]>([
    [Number.NaN, 'params', 'NaN'],
    [{ a: [1, { n: Infinity }] }, 'params.a[1].n', 'Infinity'],
    [{ n: 12345678901234567890n }, 'params.n', 'the BigInt 12345678901234567890'],
    [{ f: () => 1 }, 'params.f', 'a function'],
    [[Symbol('x')], 'params[0]', 'a symbol'],
    [[1, undefined], 'params[1]', 'undefined'],
    [new Array(2), 'params[0]', 'undefined'],
    [{ m: new Map([[1, 2]]) }, 'params.m', 'a Map'],
    [{ s: new Set([1]) }, 'params.s', 'a Set'],
    [{ p: Promise.resolve(1) }, 'params.p', 'a Promise'],
    [{ e: new TypeError('x') }, 'params.e', 'an Error'],
    [{ r: /x/ }, 'params.r', 'a RegExp'],
    [{ b: Buffer.from('x') }, 'params.b', 'bytes (Buffer)'],
    [{ b: new Float64Array(1) }, 'params.b', 'bytes (Float64Array)'],
    [{ b: new ArrayBuffer(1) }, 'params.b', 'an ArrayBuffer'],
    [{ d: new Date(Number.NaN) }, 'params.d', 'an invalid Date'],
    [{ p: [new Point()] }, 'params.p[0]', 'an instance of Point'],
    [new Point(), 'params', 'an instance of Point'],
    [cyclic, 'params.b.c[0]', 'a cycle'],
    [{ 'a b': { 'ü"': Number.NaN } }, 'params["a b"]["ü\\""]', 'NaN'],
    [{ o: { toJSON: () => ({ n: Number.NaN }) } }, 'params.o.n', 'NaN'],
    [{ n: new Number(Number.NaN) }, 'params.n', 'NaN'],
  ])('as %#', (value, place, what) => {
    const { place: where, what: fault } = faultOf(value)
    expect([where, fault]).toEqual([place, what])
  })

  it('by what a getter throws, and as nested too deeply', () => {
    const hostile = {
      get n(): number {
        throw new Error('not now')
      },
    }
    expect(() => soundJson(hostile, 'params')).toThrow('not now')
    let deep: unknown = 1
    for (let depth = 0; depth < 200_000; depth++) deep = [deep]
    expect(() => soundJson(deep, 'params')).toThrow(RangeError)
  })
})
