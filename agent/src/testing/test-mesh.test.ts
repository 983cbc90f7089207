import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { join } from 'node:path'
import type { MeshError } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import { defineService, implementService, isErrorOf } from '../services/index.ts'
import { createTestMesh, type TestMesh } from './index.ts'
import { quickest } from '../../../test/support/quickest.ts'

const shop = defineService({
  name: 'shop',
  version: 1,
  methods: {
    price: {
      params: z.string(),
      result: z.object({ cents: z.number(), shop: z.string() }),
      effects: 'read',
      errors: { sold_out: z.object({ item: z.string() }) },
    },
    order: { params: z.string(), result: z.string(), timeout: 2_000 },
    watch: { params: z.undefined(), yields: z.number(), takes: z.number(), result: z.number() },
  },
})

const refusal = (call: Promise<unknown>): Promise<MeshError> =>
  call.then(
    value => expect.fail(`answered ${String(value)}`),
    (error: MeshError) => error,
  )

let mesh: TestMesh
/** How handlers ended early. */
let ends: string[]
beforeEach(() => {
  mesh = createTestMesh()
  ends = []
})
afterEach(() => mesh.stop())

/** A shop that takes 100 ms of virtual time for an order, and sends a number each second. */
function openShop(name: string) {
  const agent = mesh.agent(name)
  agent.serve(
    implementService(shop, {
      price(item, context) {
        if (item === 'gold') throw context.error('sold_out', { item }, 'no gold is left')
        if (item === 'lead') throw new Error('no such column: lead')
        return { cents: item.length, shop: name }
      },
      async order(item, { signal }) {
        const sleeping = mesh.time.sleep(item === 'slow' ? 60_000 : 100, { signal })
        await sleeping.catch((error: { code: string }) => {
          ends.push(`${name} ${error.code}`)
          throw error
        })
        return `${item} from ${name}`
      },
      async *watch(_, { input, signal }) {
        for (let n = 1; n <= 3; n++) {
          await mesh.time.sleep(1_000, { signal })
          yield n
        }
        let sum = 0
        for await (const n of input) sum += n
        return sum
      },
    }),
  )
  return agent
}

describe('a test mesh', () => {
  it('serves, calls, and describes as real agents do, without time passing', async () => {
    openShop('shop-1')
    const customer = mesh.agent('customer', { contracts: [shop] })
    await customer.waitFor(shop)
    const price = await customer.call('shop.price', 'soap')
    expectTypeOf(price).toEqualTypeOf<{ cents: number; shop: string }>()
    expect(price).toEqual({ cents: 4, shop: 'shop-1' })
    expect(await customer.ask('shop.price', 'tea')).toMatchObject({
      name: 'shop-1',
      value: { cents: 3 },
      ms: 0,
    })
    expect((await customer.describe(shop)).methods.map(({ name }) => name)).toEqual([
      'price',
      'order',
      'watch',
    ])
    expect(await refusal(customer.call('shop.price', 5 as never))).toMatchObject({ code: 'invalid_argument' })
    expect(mesh.time.now()).toBe(0)
  })

  it('tells declared errors apart, and keeps the text of all others in its log', async () => {
    openShop('shop-1')
    const { price } = mesh.agent('customer').service(shop)
    const declared = await refusal(price('gold'))
    expect(isErrorOf(shop, 'price', declared) && declared.details).toEqual({ item: 'gold' })
    const internal = await refusal(price('lead'))
    expect(internal).toMatchObject({ code: 'internal' })
    expect(internal.message).not.toContain('column')
    expect(mesh.failures).toMatchObject([
      { agent: 'shop-1', method: 'shop.price', thrown: { message: 'no such column: lead' } },
    ])
  })

  it('ends calls at their deadline in virtual time, and cancels them at their handler', async () => {
    openShop('shop-1')
    const { order } = mesh.agent('customer').service(shop)
    const late = refusal(order('slow'))
    await mesh.advance(1_990)
    expect(ends).toEqual([])
    await mesh.advance(30)
    expect(await late).toMatchObject({ code: 'deadline_exceeded' })
    const aborting = new AbortController()
    const cancelled = refusal(order('slow', { signal: aborting.signal }))
    await mesh.advance(500)
    aborting.abort()
    expect(await cancelled).toMatchObject({ code: 'cancelled' })
    await mesh.time.settle()
    expect(ends).toEqual(['shop-1 deadline_exceeded', 'shop-1 cancelled'])
  })

  it('streams both ways, as time passes', async () => {
    openShop('shop-1')
    const stream = mesh
      .agent('customer')
      .service(shop)
      .watch(undefined, { input: [4, 5] })
    const seen: number[] = []
    const read = (async () => {
      for await (const n of stream) seen.push(n)
    })()
    await mesh.advance(2_500)
    expect(seen).toEqual([1, 2])
    await mesh.advance(1_000)
    await read
    expect([seen, await stream.result]).toEqual([[1, 2, 3], 9])
  })

  it('lets calls go elsewhere when an agent is killed, and asks it again once it is back', async () => {
    openShop('shop-1')
    openShop('shop-2')
    const { price, order } = mesh.agent('customer').service(shop)
    const shops = async (count: number) => {
      const asked = await Promise.all(Array.from({ length: count }, () => price('tea')))
      return [...new Set(asked.map(({ shop }) => shop))].sort()
    }
    expect(await shops(50)).toEqual(['shop-1', 'shop-2'])
    const running = refusal(order('soap', { peer: 'shop-1' }))
    await mesh.time.settle()
    mesh.kill('shop-1')
    expect(await running).toMatchObject({ code: 'path_lost' })
    expect(await shops(50)).toEqual(['shop-2'])
    await mesh.advance(5_000)
    openShop('shop-1')
    expect(await shops(50)).toEqual(['shop-1', 'shop-2'])
  })

  it('breaks calls and streams of a link that is cut, and connects again once it is mended', async () => {
    openShop('shop-1')
    const remote = mesh.agent('customer').service(shop)
    const stream = remote.watch(undefined)
    const order = refusal(remote.order('soap'))
    await mesh.advance(50)
    mesh.cut('customer', 'shop-1')
    expect(await order).toMatchObject({ code: 'path_lost' })
    expect(await refusal(stream.result)).toMatchObject({ code: 'path_lost' })
    const refused = refusal(remote.price('tea', { timeout: 3_000 }))
    await mesh.advance(3_000)
    expect(await refused).toMatchObject({ code: 'unavailable' })
    mesh.mend('customer', 'shop-1')
    expect(await remote.price('tea')).toMatchObject({ cents: 3 })
  })

  it('delays each way, and sends a slow call elsewhere when it is hedged', async () => {
    openShop('shop-1')
    openShop('shop-2')
    const { price } = mesh
      .agent('customer', { balance: 'round-robin', resilience: { hedgeBudget: 1 } })
      .service(shop)
    mesh.delay('customer', 'shop-1', 400)
    const slow = price('tea', { peer: 'shop-1' })
    await mesh.advance(799)
    let isAnswered = false
    void slow.then(() => (isAnswered = true))
    await mesh.time.settle()
    expect(isAnswered).toBe(false)
    await mesh.advance(1)
    expect(await slow).toMatchObject({ shop: 'shop-1' })
    const hedged = [0, 1].map(() => price('tea', { hedge: { afterMs: 20 } }))
    await mesh.advance(21)
    expect(await Promise.all(hedged)).toEqual([0, 1].map(() => ({ cents: 3, shop: 'shop-2' })))
  })

  it('enforces the policy, of roles too, and changes it while agents run', async () => {
    const to = ['service:shop.*', 'service:host.*']
    mesh.setPolicy({ grants: [{ from: ['role:buyer'], to, allow: ['call'] }], tests: [] })
    openShop('shop-1')
    const stranger = mesh.agent('stranger').service(shop)
    const buyer = mesh.agent('buyer', { roles: ['agent', 'buyer'] }).service(shop)
    expect(await refusal(stranger.price('tea'))).toMatchObject({ code: 'permission_denied' })
    expect(await buyer.price('tea')).toMatchObject({ cents: 3 })
    mesh.setPolicy({ grants: [], tests: [] })
    expect(await refusal(buyer.price('tea'))).toMatchObject({ code: 'permission_denied' })
  })

  it('runs middleware, asks all providers, and prefers the own region', async () => {
    const served: string[] = []
    for (const [name, region] of [
      ['shop-1', 'eu'],
      ['shop-2', 'us'],
    ] as const) {
      const agent = mesh.agent(name, { region })
      agent.serve(implementService(shop, { ...unused, price: () => ({ cents: 1, shop: name }) }))
      agent.use({
        serve({ method, caller }, next) {
          served.push(`${caller.name} ${method} at ${name}`)
          return next()
        },
      })
    }
    const customer = mesh.agent('customer', { region: 'us', contracts: [shop] })
    for (let i = 0; i < 10; i++)
      expect(await customer.call('shop.price', 'tea')).toMatchObject({ shop: 'shop-2' })
    expect(new Set(served)).toEqual(new Set(['customer shop.price at shop-2']))
    const { results } = await customer.callAll('shop.price', 'tea')
    expect(results.map(({ name }) => name).sort()).toEqual(['shop-1', 'shop-2'])
  })

  it('stops an agent as a real one stops: what runs ends, new calls go elsewhere', async () => {
    const first = openShop('shop-1')
    const { order } = mesh.agent('customer').service(shop)
    const running = order('soap')
    await mesh.advance(50)
    const stopped = first.stop()
    openShop('shop-2')
    const next = order('tea')
    await mesh.advance(100)
    await stopped
    expect(await Promise.all([running, next])).toEqual(['soap from shop-1', 'tea from shop-2'])
    expect(() => first.serve(implementService(shop, unused as never))).toThrow(/has stopped/)
    expect(await refusal(first.call('shop.price', 'tea'))).toMatchObject({ code: 'going_away' })
  })

  it('has the same course each time', async () => {
    const course = async () => {
      mesh = createTestMesh({ seed: 7 })
      for (const name of ['shop-1', 'shop-2', 'shop-3']) openShop(name)
      const { price } = mesh.agent('customer').service(shop)
      const shops: string[] = []
      for (let i = 0; i < 30; i++) shops.push((await price('tea')).shop)
      mesh.stop()
      return shops.join()
    }
    expect(await course()).toBe(await course())
  })

  it('refuses names that are none, taken, or not known', () => {
    mesh.agent('one')
    expect(() => mesh.agent('one')).toThrow(/'one' is one already/)
    expect(() => mesh.agent('No!')).toThrow(/is not a name/)
    expect(() => mesh.kill('two')).toThrow(/has none of that name/)
    expect(() => mesh.delay('one', 'one', -1)).toThrow(/by -1 ms/)
  })
})

const unused = {
  price: () => ({ cents: 0, shop: '' }),
  order: () => Promise.resolve(''),
  async *watch() {
    yield await Promise.resolve(1)
    return 0
  },
}

it('starts with less than 100 ms of CPU, and loads no transport, as attach() does not', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    const { createTestMesh } = await import(${JSON.stringify(join(import.meta.dirname, 'index.ts'))})
    const began = process.cpuUsage()
    const mesh = createTestMesh()
    for (const name of ['a', 'b', 'c']) mesh.agent(name)
    const { versions } = await mesh.agent('d').call('host.info', undefined, { peer: 'a' })
    const { user, system } = process.cpuUsage(began)
    const ms = (user + system) / 1_000
    await import(${JSON.stringify(join(import.meta.dirname, '../gateway/index.ts'))})
    const heavy = loaded.filter(url => /libp2p|prom-client|pino|node-datachannel|node:sqlite/.test(url))
    console.log(JSON.stringify({ ms, node: versions.node, heavy }))`
  const start = async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    const { ms, ...rest } = JSON.parse(stdout) as { ms: number; node: string; heavy: string[] }
    expect(rest).toEqual({ node: process.versions.node, heavy: [] })
    return ms
  }
  expect(await quickest(100, start, 5)).toBeLessThan(100)
}, 240_000)
