import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import {
  errorCodes,
  isErrorCode,
  MeshError,
  reasonOf,
  toMeshError,
  type ErrorCode,
  type MeshErrorOptions,
} from './errors.ts'

it('the codes are a closed set: one more or one less breaks peers of other versions', () => {
  expect(Object.keys(errorCodes).sort()).toEqual([
    'application',
    'cancelled',
    'clock_skew',
    'conflict',
    'deadline_exceeded',
    'going_away',
    'internal',
    'invalid_argument',
    'map_gap',
    'mesh_full',
    'not_found',
    'overloaded',
    'path_lost',
    'permission_denied',
    'protocol_error',
    'rate_limited',
    'revoked',
    'token_invalid',
    'too_large',
    'too_many_links',
    'unauthenticated',
    'unavailable',
    'unsupported',
  ])
})

it('every code has an HTTP status of an error, and a sentence', () => {
  for (const { status, about } of Object.values(errorCodes)) {
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect(about).not.toBe('')
  }
})

it('what may have been done is not retried', () => {
  const retried = Object.entries(errorCodes).filter(([, { retry }]) => retry)
  expect(retried.map(([code]) => code).sort()).toEqual([
    'clock_skew',
    'going_away',
    'overloaded',
    'rate_limited',
    'too_many_links',
    'unavailable',
  ])
})

it.each(['constructor', '__proto__', 'toString', '', 'nope', 7, null, undefined, {}])(
  '%j is no code',
  code => {
    expect(isErrorCode(code)).toBe(false)
  },
)

it('an error tells its status and whether to retry, and its cause stays out of JSON', () => {
  const error = new MeshError('overloaded', 'Cannot call math.add: queue is 900', {
    cause: new Error('secret'),
    hint: 'Call later.',
    details: { after: 5 },
  })
  expect(error).toMatchObject({ status: 503, retriable: true, hint: 'Call later.', details: { after: 5 } })
  expect(isErrorCode(error.code)).toBe(true)
  expect(JSON.stringify(error)).not.toContain('secret')
  expect('cause' in new MeshError('internal', 'x')).toBe(false)
})

it('an error in a terminal is its message, its code and the hint, without fields of this program', () => {
  const fields = (options: MeshErrorOptions) =>
    [...inspect(new MeshError('overloaded', 'Cannot x: y', options)).matchAll(/^ {2}(\w+): (.*)$/gm)].map(
      ([, name, value]) => `${name}: ${value}`,
    )
  expect(fields({ told: true, notStarted: true })).toEqual([`code: 'overloaded'`])
  expect(fields({ hint: 'Call later.' })).toEqual([`code: 'overloaded',`, `hint: 'Call later.'`])
})

it.each<[string, unknown, ErrorCode, string]>([
  ['an abort', AbortSignal.abort().reason, 'cancelled', 'Cannot x: cancelled'],
  ['a timeout', new DOMException('too slow', 'TimeoutError'), 'deadline_exceeded', 'Cannot x: too slow'],
  ['an error', new TypeError('broken'), 'unavailable', 'Cannot x: broken'],
  ['a text', 'broken', 'unavailable', 'Cannot x: broken'],
  ['nothing', undefined, 'unavailable', 'Cannot x: undefined'],
  ['a symbol', Symbol('s'), 'unavailable', 'Cannot x: Symbol(s)'],
  ['an object without a prototype', Object.create(null), 'unavailable', 'Cannot x: it threw no error'],
])('%s becomes a MeshError with the original as cause', (_, thrown, code, message) => {
  const error = toMeshError(thrown, 'unavailable', 'x')
  expect(error).toBeInstanceOf(MeshError)
  expect(error).toMatchObject({ code, message })
  if (thrown !== undefined) expect(error.cause).toBe(thrown)
})

it('a MeshError stays itself', () => {
  const error = new MeshError('conflict', 'Cannot write')
  expect(toMeshError(error, 'internal', 'x')).toBe(error)
})

it.each<[string, unknown, string]>([
  ['an action', new MeshError('conflict', 'Cannot serve math: it is served'), 'it is served'],
  ['an action with a URL', new MeshError('unavailable', 'Cannot ask http://a:1: no: too old'), 'no: too old'],
  ['a reason alone', new MeshError('conflict', 'another member: it writes'), 'another member: it writes'],
  ['a reason of lines', new MeshError('conflict', 'Cannot read a\nb: c\nd'), 'c\nd'],
  ['a message of Node', new Error("Cannot find package 'x': none"), "Cannot find package 'x': none"],
  ['an abort', AbortSignal.abort().reason, 'cancelled'],
  ['a text', 'broken', 'broken'],
])('the reason of an error with %s', (_, thrown, reason) => {
  expect(reasonOf(thrown)).toBe(reason)
})
