import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError } from '@agent-mesh/protocol'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { Traced } from '../../../test/support/traced.ts'
import { traceOfParent } from '../observe/traceparent.ts'
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest'
import { defineService, isErrorOf } from '../services/index.ts'
import { failing } from '../services/testing/failing.ts'
import { attach } from './attach.ts'
import { agentStatus, standInAgent } from './testing/stand-in-agent.ts'

const shop = defineService({
  name: 'shop',
  version: 1,
  methods: {
    price: {
      params: z.string(),
      result: z.number(),
      effects: 'read',
      errors: { sold_out: z.object({ item: z.string() }) },
    },
    scan: { params: z.instanceof(Uint8Array), result: z.number() },
  },
})

const status = { ...agentStatus }
const provider = (name: string, online = true) => ({ peerId: `peer of ${name}`, name, online })
const services = [{ service: 'shop@1', providers: [provider('a'), provider('b'), provider('c', false)] }]

let folder: string
let stop: () => Promise<void>
let asked: Record<string, unknown>[]
let parents: (string | undefined)[]
let left: Promise<void>

/** The socket of an agent: what it was asked, and answers by item. */
beforeEach(async () => {
  asked = []
  parents = []
  const gone = Promise.withResolvers<void>()
  left = gone.promise
  const agent = await standInAgent((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const reply = (value: unknown, code = 200) => response.writeHead(code).end(JSON.stringify(value))
      if (request.url === '/v1/status') return reply(status)
      if (request.url === '/v1/services') return reply({ services })
      const call = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
      asked.push(call)
      parents.push(request.headers['traceparent'] as string | undefined)
      response.once('close', () => gone.resolve())
      if (call['params'] === 'never') return
      if (call['params'] !== 'gold')
        return reply({ value: call['params'] === 'odd' ? 'x' : 5, peerId: 'q', ms: 1 })
      const soldOut = { declared: 'sold_out', details: { item: 'gold' }, told: true }
      const problem = problemOf(new MeshError('application', 'Cannot call shop.price: none is left', soldOut))
      return reply(problem, problem.status)
    })
  })
  folder = agent.folder
  stop = agent.stop
})
afterEach(() => stop())

test('attach() calls by the agent of this machine, typed and checked, with its deadline', async () => {
  const agent = await attach({ data: folder, contracts: [shop] })
  expect([agent.name, agent.peerId]).toEqual(['host', 'p'])
  const price = await agent.call('shop.price', 'tea', { timeout: 60_000, peer: 'a' })
  expectTypeOf(price).toEqualTypeOf<number>()
  expect(price).toBe(5)
  const [{ timeoutMs, ...call } = {}] = asked
  expect(call).toEqual({ method: 'shop@1.price', params: 'tea', idempotent: true, peer: 'a' })
  expect(timeoutMs).toBeGreaterThan(30_000)
  expect(timeoutMs).toBeLessThanOrEqual(60_000)
  await expect(agent.call('shop.price', 5 as never)).rejects.toEqual(failing('invalid_argument'))
  await expect(agent.call('shop.price', 'odd')).rejects.toEqual(failing('protocol_error'))
})

test('errors of handlers are told apart, and are not repeated', async () => {
  const { price } = (await attach({ data: folder })).service(shop)
  const error = await price('gold').catch((thrown: unknown) => thrown)
  expect(isErrorOf(shop, 'price', error) && error.details).toEqual({ item: 'gold' })
  expect(asked).toHaveLength(1)
})

test('callAll() asks each member that is online, by itself', async () => {
  const agent = await attach({ data: folder, contracts: [shop] })
  await agent.waitFor(shop)
  const { results, skipped } = await agent.callAll('shop.price', 'tea')
  expect(results.map(({ name, ok }) => [name, ok])).toEqual([
    ['a', true],
    ['b', true],
  ])
  expect([skipped, asked.map(({ peer }) => peer).sort()]).toEqual([1, ['peer of a', 'peer of b']])
})

test('a call that is cancelled is cancelled at the agent', async () => {
  const { price } = (await attach({ data: folder })).service(shop)
  const aborting = new AbortController()
  const call = price('never', { signal: aborting.signal })
  const refused = expect(call).rejects.toEqual(failing('cancelled'))
  while (asked.length === 0) await new Promise(setImmediate)
  aborting.abort()
  await refused
  await left
})

test('bytes travel beside the JSON', async () => {
  const { scan } = (await attach({ data: folder })).service(shop)
  expect(await scan(new Uint8Array([255, 0]))).toBe(5)
  expect(asked[0]).toMatchObject({ method: 'shop@1.scan', bytes: '/wA=' })
})

test('a call is a span where the program traces, and the agent continues its trace', async () => {
  await (await attach({ data: folder })).call('shop.price', 'tea')
  const traced = Traced.start()
  try {
    const agent = await attach({ data: folder })
    await agent.call('shop.price', 'tea')
    expect(traced.spans.map(({ name }) => name)).toEqual(['shop/price'])
    const { traceId, spanId } = traced.spans[0]!.spanContext()
    expect(parents.map(traceOfParent)).toEqual([undefined, { traceId, spanId, flags: 1 }])
  } finally {
    traced.stop()
  }
})

test('what the socket does not carry is refused', async () => {
  const { price } = (await attach({ data: folder })).service(shop)
  await expect(price('tea', { metadata: { a: 'b' } })).rejects.toEqual(failing('unsupported', 'no metadata'))
  expect(asked).toEqual([])
})

test('attach() fails at once where no agent runs', async () => {
  await expect(attach({ data: join(folder, 'none') })).rejects.toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('agent-mesh up') as string,
  })
  status.kind = 'relay'
  await expect(attach({ data: folder })).rejects.toEqual(failing('unsupported', 'a relay runs there'))
  status.kind = 'agent'
})

test.each([
  [{ data: 5 }, 'Cannot attach: data is 5, no text'],
  [{ folder: 'x' }, 'Cannot attach: there is no option folder'],
  [{ contracts: [5] }, 'Cannot define a service: its contract is 5'],
  [null, 'Cannot attach: its options are null'],
])('refuses the options %j', async (options, message) => {
  await expect(attach(options as never)).rejects.toEqual(failing('invalid_argument', message))
})
