import { afterEach, beforeEach, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { defineService } from '../services/index.ts'
import { createTestMesh, type TestMesh } from './index.ts'

const shop = defineService({
  name: 'shop',
  version: 1,
  methods: { price: { params: z.string(), result: z.number(), effects: 'read' } },
})

let mesh: TestMesh
beforeEach(() => void (mesh = createTestMesh()))
afterEach(() => mesh.stop())

/** @returns its peer id */
function openShop(name: string, price: () => number = () => 3): string {
  const agent = mesh.agent(name)
  agent.serve({ contract: shop, handlers: { price } })
  return agent.peerId
}

const broken = (): never => {
  throw new Error('broken')
}

test('listeners hear who came and went, and how many serve, as in a program', async () => {
  const seen: unknown[] = []
  const watcher = mesh.agent('watcher')
  watcher.on('member', ({ name, online }) => void seen.push([name, online]))
  const off = watcher.on('service', ({ service, providers }) => {
    if (service === 'shop@1') seen.push(providers)
  })
  openShop('one')
  await mesh.time.settle()
  openShop('two')
  await mesh.time.settle()
  mesh.kill('one')
  await mesh.advance(5_000)
  expect(seen).toEqual([['one', true], 1, ['two', true], 2, ['one', false], 1])
  off()
  watcher.on('member', broken)
  openShop('three')
  await mesh.time.settle()
  expect(seen.at(-1)).toEqual(['three', true])
  expect(mesh.listenerFailures).toMatchObject([{ agent: 'watcher', event: 'member' }])
})

test('listeners hear of a provider that is ejected', async () => {
  const ejected: string[] = []
  const customer = mesh.agent('customer')
  customer.on('breaker', ({ peerId, state }) => void (state === 'open' && ejected.push(peerId)))
  openShop('good')
  const bad = openShop('bad', broken)
  for (let n = 0; n < 60 && ejected.length === 0; n++) {
    await customer.call('shop.price', 'tea').catch(() => undefined)
    await mesh.advance(4_100)
  }
  expect(ejected).toEqual([bad])
})
