/** What handlers may take, return and throw besides plain JSON. docs/calls.md says the same. */
import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { linkPair, type LinkPair } from '../../rpc/testing/link-pair.ts'
import { defineService } from '../contract/contract.ts'
import { Dispatcher } from '../serve/dispatcher.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { allowAll, ops } from '../testing/fixtures.ts'

const any = { params: z.any(), result: z.any() }
const contract = defineService({ name: 'odd', version: 1, methods: { do: any } })

let pair: LinkPair
/** What the log of the callee has. */
const logged: unknown[] = []
/** How calls ended, in the metrics of the callee. */
const counted: string[] = []
afterEach(() => {
  pair.stop()
  logged.length = 0
  counted.length = 0
})

/** Calls `odd.do`, which `work` serves, over a real socket. */
async function call(work: (params: unknown) => unknown, params?: unknown): Promise<unknown> {
  const registry = new ServiceRegistry()
  registry.serve(contract, { do: work as never })
  const onFailure = ({ thrown }: { thrown: unknown }): void => void logged.push(thrown)
  const dispatcher = new Dispatcher({
    registry,
    authorize: allowAll,
    onFailure,
    metrics: { callEnded: (_side, _method, code) => void counted.push(code), callRetried: () => {} },
    now: () => performance.now(),
  })
  pair = await linkPair(dispatcher.handlerFor(ops))
  return pair.caller.call('odd.do', params)
}

const failure = async (work: (params: unknown) => unknown, params?: unknown): Promise<MeshError> =>
  call(work, params).then(
    value => expect.fail(`it returned ${JSON.stringify(value)}`),
    (error: unknown) => error as MeshError,
  )

const cyclic: Record<string, unknown> = {}
cyclic['self'] = { again: cyclic }

const unfit: readonly [name: string, value: unknown, part: string, what: string][] = [
  ['NaN', { a: [{ n: Number.NaN }] }, 'a[0].n', 'NaN'],
  ['Infinity', { n: Number.NEGATIVE_INFINITY }, 'n', '-Infinity'],
  ['a BigInt', { n: 12345678901234567890n }, 'n', 'the BigInt 12345678901234567890'],
  ['a cycle', cyclic, 'self.again', 'a cycle'],
  ['a function', { f: () => 1 }, 'f', 'a function'],
  ['a symbol', { s: Symbol('x') }, 's', 'a symbol'],
  ['undefined in an array', { list: [1, undefined] }, 'list[1]', 'undefined'],
  ['a Map', { m: new Map([[1, 2]]) }, 'm', 'a Map'],
  ['a Set', { s: new Set([1]) }, 's', 'a Set'],
  ['an invalid Date', { d: new Date(Number.NaN) }, 'd', 'an invalid Date'],
  ['an instance of a class', { u: new URLSearchParams('a=1') }, 'u', 'an instance of URLSearchParams'],
  ['bytes inside a value', { b: Buffer.of(1) }, 'b', 'bytes (Buffer)'],
]

describe('values that JSON cannot carry', () => {
  it.each(unfit)('%s in params is refused before it is sent', async (_name, value, part, what) => {
    let ran = false
    const error = await failure(() => (ran = true), value)
    expect([error.code, error.message]).toEqual([
      'invalid_argument',
      `Cannot encode the params of odd.do as JSON: params.${part} is ${what}`,
    ])
    expect(ran).toBe(false)
  })

  it.each(unfit)('%s in a result is the failure of the handler', async (_name, value, part, what) => {
    const error = await failure(() => value)
    expect([error.code, error.message, error.notStarted]).toEqual([
      'application',
      `Cannot encode the result of odd.do as JSON: result.${part} is ${what}`,
      false,
    ])
    expect(counted).toEqual(['application'])
  })

  it.each([
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('x'), 'a symbol'],
    ['NaN', Number.NaN, 'NaN'],
  ])('%s alone is told, too', async (_name, value, what) => {
    const error = await failure(() => value)
    expect([error.code, error.message]).toEqual([
      'application',
      `Cannot encode the result of odd.do as JSON: result is ${what}`,
    ])
  })
})

describe('what results throw while they are encoded', () => {
  const secret = new Error('cannot reach db-1.internal:5432')
  const fail = (): never => {
    throw secret
  }

  it.each<[string, unknown]>([
    ['a getter', Object.defineProperty({}, 'a', { get: fail, enumerable: true })],
    ['a getter within a list', [Object.defineProperty({}, 'a', { get: fail, enumerable: true })]],
    ['a toJSON', { toJSON: fail }],
    ['a proxy', new Proxy({}, { ownKeys: fail })],
  ])('%s: the caller gets an id, the log of the callee the text', async (_name, value) => {
    const error = await failure(() => value)
    expect([error.code, error.message]).toEqual([
      'internal',
      expect.stringMatching(/^Cannot call odd\.do: its handler failed, failure [0-9a-f]{12}$/),
    ])
    expect([logged, counted]).toEqual([[secret], ['internal']])
  })

  it('a RangeError of its own is no nesting', async () => {
    const error = await failure(() => ({ toJSON: () => new Date(Number.NaN).toISOString() }))
    expect([error.code, logged]).toEqual(['internal', [new RangeError('Invalid time value')]])
  })

  it('what is nested too deeply is the failure of the handler', async () => {
    let deep: unknown = 1
    for (let depth = 0; depth < 200_000; depth++) deep = [deep]
    const error = await failure(() => deep)
    expect([error.code, error.message]).toEqual([
      'application',
      'Cannot encode the result of odd.do as JSON: it is nested too deeply',
    ])
    expect(logged).toEqual([])
  })
})

describe('values that arrive', () => {
  it.each([
    ['properties that are undefined are left out', { a: undefined, b: 1 }, { b: 1 }],
    ['a Date as its ISO text', { d: new Date(0) }, { d: '1970-01-01T00:00:00.000Z' }],
    ['-0 as 0', [-0], [0]],
    ['a lone surrogate as it is', '\ud800', '\ud800'],
    ['every finite double as it is', [2 ** 53 + 2, 1e308, 5e-324, 0.1], [2 ** 53 + 2, 1e308, 5e-324, 0.1]],
    ['undefined as no value', undefined, undefined],
    ['null', null, null],
  ])('%s', async (_name, sent, received) => {
    const seen: unknown[] = []
    const result = await call(params => {
      seen.push(params)
      return sent
    }, sent)
    expect([seen, result]).toEqual([[received], received])
    expect(Object.is((result as unknown[] | null)?.[0], -0)).toBe(false)
  })

  it('bytes alone as bytes', async () => {
    const result = await call(() => Buffer.of(0, 255, 1))
    expect([...(result as Uint8Array)]).toEqual([0, 255, 1])
  })
})

describe('what handlers throw', () => {
  const hostile = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('getter')
    },
  })

  const told = /^Cannot call odd\.do: its handler failed, failure [0-9a-f]{12}$/
  it.each<[string, unknown, ErrorCode, RegExp]>([
    ['a text', 'just a string', 'internal', told],
    ['undefined', undefined, 'internal', told],
    ['null', null, 'internal', told],
    ['a BigInt', 10n, 'internal', told],
    ['a symbol', Symbol('x'), 'internal', told],
    ['an object with a message', { status: 404, message: 'not here' }, 'internal', told],
    ['an object without prototype', Object.create(null), 'internal', told],
    ['a frozen error', Object.freeze(new Error('frozen')), 'internal', told],
    ['an error whose message throws', hostile, 'internal', told],
    ['an error whose message is a number', Object.assign(new Error(), { message: 5 }), 'internal', told],
    [
      'details that JSON cannot carry',
      new MeshError('conflict', 'Cannot do: odd', { details: { n: Number.NaN, m: new Map() } }),
      'conflict',
      /odd$/,
    ],
    ['a very long message', new Error('m'.repeat(3_000_000)), 'internal', told],
  ])('%s', async (_name, thrown, code, message) => {
    for (const work of [
      () => {
        throw thrown
      },
      () => Promise.reject(thrown as Error),
    ]) {
      const error = await failure(work)
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
      pair.stop()
    }
  })
})
