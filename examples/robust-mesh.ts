/**
 * What callers see of a provider that fails, recovers and stops: two shops, one customer.
 *   export TOKEN=$(npx agent-mesh token create --uses 3)
 *   npx node examples/robust-mesh.ts
 */
import { createAgent, defineService, implementService, type Agent } from '@agent-mesh/agent'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'

const shop = defineService({
  name: 'shop',
  version: 1,
  methods: { price: { params: z.string(), result: z.object({ cents: z.number(), shop: z.string() }) } },
})

const folder = await mkdtemp(join(tmpdir(), 'robust-mesh-'))
const token = process.env['TOKEN']
const agents: Agent[] = []
const start = async (name: string): Promise<Agent> => {
  const agent = await createAgent({
    ...{ data: join(folder, name), name, listen: ['/ip4/127.0.0.1/tcp/0'], ephemeral: true },
    ...(token !== undefined && { join: token }),
  })
  agents.push(agent)
  return agent
}

/** Shops whose database is out of order. */
const broken = new Set<string>()
async function openShop(name: string): Promise<Agent> {
  const agent = await start(name)
  const price = () => {
    if (broken.has(name)) throw new Error('the database does not answer')
    return { cents: 1_250, shop: name }
  }
  agent.serve(implementService(shop, { price }))
  return agent
}

try {
  const first = await openShop('shop-1')
  await openShop('shop-2')
  const customer = await start('customer')
  await customer.waitFor(shop)

  /** Asks `count` times. @returns how often each shop answered; `none` for failures */
  const ask = async (count: number): Promise<Record<string, number>> => {
    const counts: Record<string, number> = { 'shop-1': 0, 'shop-2': 0, none: 0 }
    for (let i = 0; i < count; i++) {
      const fallback = () => ({ cents: NaN, shop: 'none' })
      const { shop: from } = await customer.service(shop).price('soap', { fallback, timeout: 5_000 })
      counts[from]! += 1
    }
    return counts
  }
  /** Asks until the shop answers. @returns ms */
  const askUntil = async (name: string): Promise<number> => {
    const startedAt = performance.now()
    while ((await ask(1))[name] === 0) await delay(20)
    return performance.now() - startedAt
  }
  for (const name of ['shop-1', 'shop-2']) await askUntil(name)

  const calm = await ask(200)
  console.log('both work:', calm)
  assert.equal(calm['none'], 0)

  broken.add('shop-2')
  const failing = await ask(500)
  console.log('shop-2 fails:', failing)
  assert.ok(failing['none']! < 25, 'a provider that fails gets less than 5 % of the calls')

  broken.delete('shop-2')
  const backMs = await askUntil('shop-2')
  console.log(`shop-2 works again: it was asked after ${Math.round(backMs)} ms`)
  // It is asked again after 1 to 30 s: later, the more often it failed.
  assert.ok(backMs < 35_000, 'a provider that works again is found out')
  assert.equal((await ask(100))['none'], 0)

  await Promise.all([first.stop(), delay(10)])
  const left = await ask(100)
  console.log('shop-1 has stopped:', left)
  assert.deepEqual(left, { 'shop-1': 0, 'shop-2': 100, none: 0 })
} finally {
  await Promise.all(agents.map(agent => agent.stop()))
  await rm(folder, { recursive: true, force: true })
}
