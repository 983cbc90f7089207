/** However a call ends, over a link that stands or one that is made for it, it is counted once. */
import { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { noMetrics, type OnRequest, type RpcLink } from '../../rpc/index.ts'
import type { Callee, CallTargets } from '../balance/call-targets.ts'
import { defineService } from '../contract/contract.ts'
import { SpecTargets, type TestTargets } from '../testing/fixtures.ts'
import type { CallOptions } from './call-options.ts'
import { ServiceCaller } from './service-caller.ts'

const now = () => performance.now()
const anything = z.unknown()
/** A number, asked for later: the schema checks asynchronously. */
const later = z.number().check(z.refine(async () => true))
const shop = defineService({
  name: 'shop',
  version: 1,
  methods: {
    price: { params: anything, result: z.number(), idempotent: true },
    slow: { params: later, result: later },
    order: { params: anything, result: z.number(), errors: { soldOut: anything } },
  },
})

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

/** The links of `targets`, known at once where they stand already. */
function standing(targets: TestTargets): CallTargets {
  const links = new Map<string, RpcLink>()
  const callee = async (peerId: string): Promise<Callee> => {
    const link = await targets.callee(peerId)
    links.set(peerId, link)
    return link
  }
  return {
    providers: () => targets.providers(),
    versions: () => [],
    find: name => targets.find(name),
    nameOf: peerId => targets.nameOf(peerId),
    callee: peerId => links.get(peerId) ?? callee(peerId),
  }
}

const refuse: OnRequest = () => {
  throw new MeshError('overloaded', 'Cannot serve: full', { notStarted: true })
}
const failing: OnRequest = () => {
  throw new MeshError('application', 'Cannot serve: sold out')
}
const double: OnRequest = call => (call.params() as number) * 2
const text: OnRequest = () => 'no number'

interface Case {
  readonly members: Record<string, OnRequest>
  readonly method: 'price' | 'slow' | 'order'
  readonly params?: unknown
  readonly options?: CallOptions
  readonly code: string
}

const cases: [string, Case][] = [
  ['an answer', { members: { a: double }, method: 'price', code: 'ok' }],
  [
    'an answer of the one member asked',
    { members: { a: double }, method: 'price', options: { peer: 'a' }, code: 'ok' },
  ],
  ['an answer whose schemas are asynchronous', { members: { a: double }, method: 'slow', code: 'ok' }],
  ['an answer of another member', { members: { a: refuse, b: double }, method: 'price', code: 'ok' }],
  ['an answer of a method with errors', { members: { a: double }, method: 'order', code: 'ok' }],
  [
    'an answer that may be hedged',
    { members: { a: double, b: double }, method: 'price', options: { hedge: true }, code: 'ok' },
  ],
  ['a failure', { members: { a: failing }, method: 'price', code: 'application' }],
  ['a failure of a method with errors', { members: { a: failing }, method: 'order', code: 'application' }],
  ['a result that does not fit', { members: { a: text }, method: 'price', code: 'protocol_error' }],
  [
    'a result that does not fit an asynchronous schema',
    { members: { a: text }, method: 'slow', code: 'protocol_error' },
  ],
  [
    'params that do not fit',
    { members: { a: double }, method: 'slow', params: 'x', code: 'invalid_argument' },
  ],
  [
    'no time',
    { members: { a: double }, method: 'price', options: { timeout: 0 }, code: 'deadline_exceeded' },
  ],
  ['no provider', { members: {}, method: 'price', code: 'unavailable' }],
  [
    'a member that is not known',
    { members: { a: double }, method: 'price', options: { peer: 'x' }, code: 'not_found' },
  ],
]

describe.each(cases)('%s', (_, { members, method, params = 21, options, code }) => {
  it('is counted once, each time', async () => {
    const counted: string[] = []
    const callEnded = (side: string, name: string, ended: string) =>
      void counted.push(`${side} ${name} ${ended}`)
    const metrics = { ...noMetrics, callEnded }
    const targets = standing(meshes.of(members))
    const caller = new ServiceCaller({ targets, contracts: [shop], metrics, now, random: () => 0 })
    const outcome = () =>
      caller.ask(`shop.${method}`, params, options).then(
        ({ value }) => (value === 42 ? 'ok' : value),
        (error: MeshError) => error.code,
      )
    const expected = `caller shop.${method} ${code}`
    expect(await outcome()).toBe(code)
    expect(counted).toEqual([expected])
    expect(await outcome()).toBe(code)
    expect(counted).toEqual([expected, expected])
  })
})

it('a caller that has a fallback gets it, and the failure is counted', async () => {
  const counted: string[] = []
  const metrics = {
    ...noMetrics,
    callEnded: (_: string, __: string, ended: string) => void counted.push(ended),
  }
  const targets = standing(meshes.of({ a: failing }))
  const caller = new ServiceCaller({ targets, contracts: [shop], metrics, now, random: () => 0 })
  for (let n = 0; n < 2; n++) expect(await caller.call('shop.price', 0, { fallback: () => 7 })).toBe(7)
  expect(counted).toEqual(['application', 'application'])
})
