import { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import * as z from 'zod/mini'
import { refusal } from '../../../../test/support/refusal.ts'
import { ServiceCaller } from '../call/service-caller.ts'
import { Dispatcher } from '../serve/dispatcher.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { allowAll, ops, SpecTargets } from '../testing/fixtures.ts'
import type { CallContext } from './call-context.ts'
import { defineService, type ServiceContract } from './contract.ts'
import { isErrorOf } from './declared-errors.ts'
import type { Handlers } from './typed.ts'

const sensors = defineService({
  name: 'sensors',
  version: 1,
  methods: {
    read: {
      params: z.object({ id: z.string() }),
      result: z.number(),
      errors: {
        no_such_sensor: z.object({ id: z.string(), known: z.array(z.string()) }),
        asleep: z.undefined(),
      },
    },
    list: { params: z.undefined(), result: z.array(z.string()), errors: { asleep: z.undefined() } },
    plain: { params: z.any(), result: z.any() },
  },
})
type Work = Handlers<typeof sensors.methods>

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

const now = () => performance.now()
const idle: Work = { read: () => 0, list: () => [], plain: () => 0 }

function callerOf(work: Partial<Work>, contracts: readonly ServiceContract[] = [sensors]) {
  const registry = new ServiceRegistry()
  registry.serve(sensors, { ...idle, ...work })
  const dispatcher = new Dispatcher({ registry, authorize: allowAll, now })
  const targets = meshes.of({ callee: dispatcher.handlerFor(ops) })
  return new ServiceCaller({ targets, contracts, now, random: () => 0 })
}

/** Reads the sensor s9 of what `work` serves. */
async function failureOf(read: Work['read'], contracts?: readonly ServiceContract[]): Promise<MeshError> {
  return callerOf({ read }, contracts)
    .call('sensors@1.read', { id: 's9' })
    .then(
      value => expect.fail(`it returned ${String(value)}`),
      (error: unknown) => error as MeshError,
    )
}

const noSuchSensor: Work['read'] = ({ id }, context) => {
  throw context.error('no_such_sensor', { id, known: ['s1'] }, `there is no sensor ${id}`)
}

describe('an error that a method declares', () => {
  it('reaches the caller with its name, and its details typed', async () => {
    const error: unknown = await failureOf(noSuchSensor)
    if (!isErrorOf(sensors, 'read', error)) return expect.fail('it is no error of sensors.read')
    expectTypeOf(error.declared).toEqualTypeOf<'no_such_sensor' | 'asleep'>()
    if (error.declared === 'no_such_sensor') expectTypeOf(error.details.known).toEqualTypeOf<string[]>()
    expect(error).toMatchObject({
      code: 'application',
      declared: 'no_such_sensor',
      details: { id: 's9', known: ['s1'] },
      message: 'Cannot call sensors.read: there is no sensor s9',
      told: true,
      notStarted: false,
    })
  })

  it('may have no details, and says its name when the handler gives no reason', async () => {
    const error = await failureOf((_, context) => Promise.reject(context.error('asleep')))
    expect([error.declared, error.details]).toEqual(['asleep', undefined])
    expect(error.message).toBe('Cannot call sensors.read: asleep')
  })

  it('is told from an error of the same name of another method', async () => {
    const error = await failureOf((_, context) => Promise.reject(context.error('asleep')))
    expect(isErrorOf(sensors, 'read', error)).toBe(true)
    expect(isErrorOf(sensors, 'list', error)).toBe(false)
    expect(isErrorOf(sensors, 'plain', error)).toBe(false)
    expect(isErrorOf(sensors, 'read', new MeshError('application', 'Cannot', { declared: 'asleep' }))).toBe(
      false,
    )
  })

  it('is no error of the handler that called on: its name stays with the method that declares it', async () => {
    const inner = await failureOf(noSuchSensor)
    const outer = await failureOf(() => Promise.reject(inner))
    expect([outer.code, outer.declared, outer.message]).toEqual(['application', undefined, inner.message])
  })

  it('of a later contract reaches callers of an earlier one as application, with its name and its details', async () => {
    const earlier = defineService({ ...sensors, methods: { read: { params: z.any(), result: z.any() } } })
    const error = await failureOf(noSuchSensor, [earlier])
    expect([error.code, error.declared, error.details]).toEqual([
      'application',
      'no_such_sensor',
      { id: 's9', known: ['s1'] },
    ])
    expect(isErrorOf(sensors, 'read', error)).toBe(false)
  })

  it('whose details do not fit is the fault of the callee', async () => {
    const error = await failureOf((_, context) =>
      Promise.reject(context.error('no_such_sensor', { id: 1 } as never)),
    )
    expect(error.code).toBe('protocol_error')
    expect(error.message).toMatch(/^Cannot use the details of no_such_sensor of sensors\.read: id: /)
  })

  it('reaches callAll for the member that told it', async () => {
    const { results } = await callerOf({ read: noSuchSensor }).callAll('sensors@1.read', { id: 's9' })
    expect(results).toMatchObject([{ ok: false, error: { declared: 'no_such_sensor' } }])
    expect(results.map(each => !each.ok && isErrorOf(sensors, 'read', each.error))).toEqual([true])
  })

  it.each<[string, Work['read'], string]>([
    [
      'not declared',
      (_, context) => Promise.reject((context as CallContext).error('broken', undefined)),
      "internal: Cannot call sensors.read: its contract declares no error 'broken'",
    ],
    [
      'with details that fit no frame',
      (_, context) => Promise.reject(context.error('no_such_sensor', { id: 'x'.repeat(5_000), known: [] })),
      'too_large: Cannot tell no_such_sensor of sensors.read: its details are 5020 characters, the limit is 4000',
    ],
    [
      'with details that JSON cannot carry',
      (_, context) =>
        Promise.reject(context.error('no_such_sensor', { id: 's9', known: new Map() as never })),
      'invalid_argument: Cannot encode the details of no_such_sensor of sensors.read as JSON: details of no_such_sensor.known is a Map',
    ],
  ])('cannot be thrown when it is %s', async (_, read, expected) => {
    const { code, message } = await failureOf(read)
    expect(`${code}: ${message}`).toBe(expected)
  })
})

it('a method that declares no error has none to throw', () => {
  // @ts-expect-error: plain declares none
  const work: Work['plain'] = (_, context) => context.error('asleep')
  expect(work).toBeTypeOf('function')
})

it.each(['', '_x', 'no such', 'x'.repeat(64)])('an error may not be named %j', async name => {
  const method = { params: z.any(), result: z.any(), errors: { [name]: z.any() } }
  expect(await refusal(() => defineService({ name: 'a', version: 1, methods: { b: method } }))).toContain(
    `its method 'b' declares the error '${name}'`,
  )
})
