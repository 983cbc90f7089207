import type { Subject } from '@agent-mesh/protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { coded, codec } from '../contract/coded.ts'
import { defineService } from '../contract/contract.ts'
import { describeServices } from './describe.ts'
import { notServed } from './not-served.ts'
import { ServiceRegistry } from './service-registry.ts'

const number = z.object({ a: z.number() })
const method = { params: number, result: z.number() }
const registry = new ServiceRegistry()
const mathService = defineService({
  name: 'math',
  version: 2,
  methods: {
    add: { ...method, about: 'Adds.', idempotent: true },
    secret: { params: z.custom<string>(), result: z.number() },
  },
})
registry.serve(mathService, { add: ({ a }) => a, secret: () => 1 })
registry.serve(defineService({ name: 'maths', version: 1, methods: { sum: method } }), { sum: ({ a }) => a })

const caller: Subject = { sub: 'p', name: 'ops', roles: ['ops'], tags: [] }
/** What the caller may call, the secret not being of it. */
const allows = (_: Subject, { target }: { target: string }) => !target.endsWith('.secret')

describe('a method that is not served', () => {
  const told = notServed({ registry, self: () => 'web-1', allows })

  it.each([
    ['math.ad', 'Did you mean math.add?'],
    ['maht.add', 'Did you mean math.add?'],
    ['math@1.add', 'It serves math@2.'],
    ['math.secre', undefined],
    ['other.thing', undefined],
    ['no method', undefined],
  ])('names the member and the nearest method that the caller may call: %s', (call, hint) => {
    expect(told(call, caller)).toMatchObject({
      code: 'unsupported',
      message: `Cannot call ${call}: web-1 does not serve it`,
      hint,
    })
  })

  it('compares few methods, however many there are', () => {
    let asked = 0
    const methods = Array.from({ length: 10_000 }, (_, index) => `math.method-${index}`)
    const many = notServed({
      registry: { methods, refs: [], find: () => undefined },
      self: () => 'web-1',
      allows: () => ++asked > 0,
    })
    many('math.ad', caller)
    expect(asked).toBeLessThan(100)
  })
})

describe('host.describe', () => {
  const describeAll = describeServices({ registry, allows })

  it('tells the methods that the caller may call, with JSON Schema where the contract knows it', () => {
    expect(describeAll(caller)).toMatchObject([
      {
        service: 'math@2',
        methods: [
          {
            name: 'add',
            about: 'Adds.',
            idempotent: true,
            params: { type: 'object', properties: { a: { type: 'number' } } },
            result: { type: 'number' },
          },
        ],
      },
      { service: 'maths@1', methods: [{ name: 'sum' }] },
    ])
  })

  it('tells of one service, by its name or with its version', () => {
    expect(describeAll(caller, 'math')).toEqual(describeAll(caller, 'math@2'))
    expect(describeAll(caller, 'math@2')).toHaveLength(1)
    expect(describeAll(caller, 'math@1')).toEqual([])
  })

  it('tells nothing at all to who may call nothing', () => {
    expect(describeServices({ registry, allows: () => false })(caller)).toEqual([])
  })

  it('tells effects, declared errors, and of values with a codec what the wire carries', () => {
    const clocks = new ServiceRegistry()
    const at = coded(z.object({ at: codec.date }))
    const read = {
      params: at,
      result: at,
      effects: 'read',
      errors: { early: at, none: z.undefined() },
    } as const
    clocks.serve(defineService({ name: 'clocks', version: 1, methods: { read } }), { read: value => value })
    const [told] = describeServices({ registry: clocks, allows: () => true })(caller)
    const sent = { type: 'object', properties: { at: { type: 'string', format: 'date-time' } } }
    expect(told?.methods).toMatchObject([
      {
        name: 'read',
        effects: 'read',
        idempotent: true,
        params: sent,
        result: sent,
        errors: { early: sent },
      },
    ])
  })

  it('tells raw bytes by their media type, and reports nothing of them', () => {
    const files = new ServiceRegistry()
    const bytes = z.instanceof(Uint8Array<ArrayBufferLike>)
    const copy = { params: bytes, result: bytes }
    files.serve(defineService({ name: 'files', version: 1, methods: { copy } }), { copy: value => value })
    const untold: string[] = []
    const onUntold = (what: string) => void untold.push(what)
    const [told] = describeServices({ registry: files, allows: () => true, onUntold })(caller)
    const sent = { contentMediaType: 'application/octet-stream' }
    expect(told?.methods).toMatchObject([{ name: 'copy', params: sent, result: sent }])
    expect(untold).toEqual([])
  })

  const isOne = (value: unknown) => (value as { a: { b: unknown } }).a.b === 1
  const ofAnotherLibrary: StandardSchemaV1<string> = {
    '~standard': {
      version: 1,
      vendor: 'other',
      validate: value => (isOne(value) ? { value: 'one' } : { issues: [] }),
    },
  }

  it.each([
    ['of zod, as a rejection', z.custom<string>(isOne)],
    ['of a library that throws at once', ofAnotherLibrary],
  ])('describes a schema whose check throws for what it does not expect: %s', (_, checked) => {
    const odd = new ServiceRegistry()
    const run = { params: checked, result: z.void() }
    odd.serve(defineService({ name: 'odd', version: 1, methods: { run } }), { run: () => {} })
    const untold: string[] = []
    const onUntold = (what: string) => void untold.push(what)
    const [told] = describeServices({ registry: odd, allows: () => true, onUntold })(caller)
    expect(told?.methods).toMatchObject([{ name: 'run', params: {}, result: {} }])
    expect(untold).toEqual(['the params of run of odd@1'])
  })

  it('tells what JSON Schema cannot express as any value, and reports that once', () => {
    const untold: string[] = []
    const onUntold = (what: string) => void untold.push(what)
    const tell = describeServices({ registry, allows: () => true, onUntold })
    for (let n = 0; n < 3; n++)
      expect(tell(caller, 'math')[0]?.methods[1]).toMatchObject({ name: 'secret', params: {} })
    expect(untold).toEqual(['the params of secret of math@2'])
  })
})
