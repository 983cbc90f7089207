import * as z from 'zod/mini'
import { expect, test } from 'vitest'
import { defineService, implementService } from '../services/index.ts'
import { createTestMesh } from './index.ts'

test('a test mesh drops cached answers of all agents whose policy lets them hear of it', async () => {
  const mesh = createTestMesh()
  let served = 0
  const rate = defineService({
    name: 'rate',
    version: 1,
    methods: {
      get: {
        params: z.string(),
        result: z.number(),
        idempotent: true,
        cache: { ttl: 60_000, tags: (currency: string) => [currency] },
      },
    },
  })
  const bank = mesh.agent('bank')
  bank.serve(implementService(rate, { get: () => ++served }))
  const callers = ['one', 'two'].map(name => mesh.agent(name, { contracts: [rate] }))
  const rates = () => Promise.all(callers.map(caller => caller.call('rate.get', 'eur')))
  expect([await rates(), await rates()]).toEqual([
    [1, 2],
    [1, 2],
  ])
  await bank.invalidate({ tags: ['eur'] })
  expect(await rates()).toEqual([3, 4])
  mesh.setPolicy({ grants: [{ from: ['*'], to: ['service:*'], allow: ['call'] }], tests: [] })
  await bank.invalidate({ tags: ['eur'] })
  expect(await rates()).toEqual([3, 4])
})
