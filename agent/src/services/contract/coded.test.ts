import type { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import * as z from 'zod'
import { ServiceCaller } from '../call/service-caller.ts'
import { Dispatcher } from '../serve/dispatcher.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { allowAll, ops, SpecTargets } from '../testing/fixtures.ts'
import { coded, codec, encoderOf } from './coded.ts'
import { defineService } from './contract.ts'
import { isErrorOf } from './declared-errors.ts'
import type { Handlers } from './typed.ts'

const readings = coded(codec.map(z.string(), z.object({ at: codec.date, count: codec.bigint })))
const clocks = defineService({
  name: 'clocks',
  version: 1,
  methods: {
    since: {
      params: coded(z.object({ at: codec.date })),
      result: readings,
      errors: { too_early: coded(z.object({ first: codec.date })) },
    },
    raw: { params: z.any(), result: z.any() },
  },
})
type Work = Handlers<typeof clocks.methods>

const meshes = new SpecTargets()
afterEach(() => meshes.stop())
const now = () => performance.now()

function clientOf(since: Work['since']) {
  const registry = new ServiceRegistry()
  registry.serve(clocks, { since, raw: value => value as unknown })
  const dispatcher = new Dispatcher({ registry, authorize: allowAll, now })
  const targets = meshes.of({ callee: dispatcher.handlerFor(ops) })
  const caller = new ServiceCaller({ targets, now, random: () => 0 })
  return { caller, client: caller.service(clocks) }
}

const failureOf = (since: Work['since'], at: unknown): Promise<MeshError> =>
  clientOf(since)
    .client.since({ at } as { at: Date })
    .then(
      () => expect.fail('it was answered'),
      (error: unknown) => error as MeshError,
    )

const day = new Date('2026-02-28T12:00:00.123Z')
const held = new Map([['a', { at: day, count: 2n ** 80n }]])

describe('values with a codec', () => {
  it.each<[string, Work['since']]>([
    ['at once', ({ at }) => (at.getTime() === day.getTime() ? held : new Map())],
    ['later', async ({ at }) => (at instanceof Date ? held : new Map())],
  ])('are the same on both sides, answered %s', async (_, since) => {
    const { client } = clientOf(since)
    expectTypeOf(client.since).parameter(0).toEqualTypeOf<{ at: Date }>()
    const result = await client.since({ at: day })
    expectTypeOf(result).toEqualTypeOf<Map<string, { at: Date; count: bigint }>>()
    expect(result).toEqual(held)
  })

  it('are plain JSON on the wire', async () => {
    const { caller } = clientOf(() => held)
    const asked = await caller.ask('clocks@1.since', { at: day })
    expect(asked.value).toEqual(held)
    const untyped = new Map(held)
    expect(JSON.parse(JSON.stringify(encoderOf(readings)?.(untyped)))).toEqual({
      value: [['a', { at: '2026-02-28T12:00:00.123Z', count: '1208925819614629174706176' }]],
    })
  })

  it.each<[string, unknown, RegExp]>([
    ['an invalid Date', new Date(Number.NaN), /^Cannot call clocks\.since: at: /],
    ['a text in place of a Date', '2026-02-28T12:00:00Z', /^Cannot call clocks\.since: at: /],
    ['a Date beyond the years of ISO text', new Date(8e15), /^Cannot call clocks\.since: at: /],
  ])('that do not fit are refused before they are sent: %s', async (_, at, message) => {
    const error = await failureOf(() => held, at)
    expect([error.code, error.told]).toEqual(['invalid_argument', false])
    expect(error.message).toMatch(message)
  })

  it('that a handler returns and that do not fit are its failure', async () => {
    const error = await failureOf(() => new Map([['a', { at: day, count: 1 }]]) as never, day)
    expect([error.code, error.notStarted]).toEqual(['application', false])
    expect(error.message).toMatch(/^Cannot encode the result of clocks\.since: 0\.1\.count: /)
  })

  it('are details of declared errors, too', async () => {
    const error: unknown = await failureOf(
      (_, context) => Promise.reject(context.error('too_early', { first: day })),
      day,
    )
    if (!isErrorOf(clocks, 'since', error)) return expect.fail('it is no error of clocks.since')
    expectTypeOf(error.details).toExtend<{ first: Date }>()
    expect(error.details.first).toEqual(day)
  })
})

it('a schema that transforms one way only has no codec: it says so, and sends nothing', () => {
  const oneWay = coded(z.object({ n: z.string().transform(Number) }))
  expect(encoderOf(oneWay)?.({ n: 1 }).issues?.[0]?.message).toMatch(/unidirectional transform/)
})

it('a schema of a library is sent as it is, whatever methods it has', () => {
  expect(encoderOf(z.object({ n: z.number() }))).toBeUndefined()
})

it('JSON Schema tells of what the wire carries', () => {
  const target = { target: 'draft-2020-12' } as const
  const { input, output } = coded(z.object({ n: codec.bigint }))['~standard'].jsonSchema
  expect(input(target)).toMatchObject({ properties: { n: { type: 'string' } } })
  expect(output(target)).toEqual(input(target))
})
