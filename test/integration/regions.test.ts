/** Calls stay in the region of their caller, and leave it when its providers are gone. */
import { defineService } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod/mini'
import { LocalMesh } from '../support/local-mesh.ts'

const where = defineService({
  name: 'where',
  version: 1,
  methods: { am: { params: z.undefined(), result: z.string(), idempotent: true } },
})

let mesh: LocalMesh
beforeEach(async () => (mesh = await LocalMesh.start()))
afterEach(() => mesh.stop())

test('after the outage of a region 95 % of the calls go elsewhere within 5 s, and none fails', async () => {
  await mesh.relay('relay-1')
  const caller = await mesh.agent({ name: 'caller', region: 'eu', contracts: [where] })
  const provider = async (name: string, region: string) => {
    const agent = await mesh.agent({ name, region, drain: 0 })
    agent.serve({ contract: where, handlers: { am: () => region } })
    return agent
  }
  const near = [await provider('eu-1', 'eu'), await provider('eu-2', 'eu')]
  await provider('us-1', 'us')
  await vi.waitFor(
    () => expect(caller.services().find(({ service }) => service === 'where@1')?.providers).toHaveLength(3),
    { timeout: 20_000 },
  )
  const ask = (count: number) =>
    Promise.all(Array.from({ length: count }, () => caller.call('where.am', undefined, { timeout: 20_000 })))
  expect(await ask(40)).toEqual(Array<string>(40).fill('eu'))

  await Promise.all(near.map(agent => agent.stop()))
  const began = performance.now()
  const answers: string[] = []
  while (answers.length < 200 || answers.slice(-200).filter(region => region === 'us').length < 190)
    answers.push(...(await ask(20)))
  expect(performance.now() - began).toBeLessThan(5_000)
})
