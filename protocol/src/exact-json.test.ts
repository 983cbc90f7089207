import { describe, expect, it } from 'vitest'
import { inexactNumber } from './exact-json.ts'

describe('inexactNumber()', () => {
  it.each([
    ['12345678901234567890', 'params', '12345678901234567890'],
    ['{"a":[1,{"n":9007199254740993}]}', 'params.a[1].n', '9007199254740993'],
    ['[0, 1e400]', 'params[1]', '1e400'],
    ['{"a":-1E999}', 'params.a', '-1E999'],
    ['{"tiny":1e-400}', 'params.tiny', '1e-400'],
    ['{"a":{"b":1},"c":[[],[2,99999999999999999999]]}', 'params.c[1][1]', '99999999999999999999'],
    ['{"x y":"1e400","z":1e400}', 'params.z', '1e400'],
    ['{"a\\"b":1e400}', 'params["a\\"b"]', '1e400'],
  ])('finds it in %s', (json, place, text) => {
    JSON.parse(json)
    expect(inexactNumber(json, 'params')).toEqual({ place, text })
  })

  it.each([
    '1',
    '9007199254740992',
    '9007199254740994',
    '100000000000000000000',
    '1e308',
    '1e5',
    '0e400',
    '0.1234567890123456789',
    '-0.0e-999',
    '"12345678901234567890 1e400"',
    '{"12345678901234567890":"a\\\\","1e400":true}',
    '"\\"1e400"',
  ])('takes %s', json => {
    JSON.parse(json)
    expect(inexactNumber(json, 'params')).toBeUndefined()
  })
})
