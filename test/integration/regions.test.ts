/** Calls stay in the region of their caller, and leave it when its providers are gone. */
import { defineService } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod/mini'
import { LocalMesh } from '../support/local-mesh.ts'
import { quickest } from '../support/quickest.ts'

const where = defineService({
  name: 'where',
  version: 1,
  methods: { am: { params: z.undefined(), result: z.string(), idempotent: true } },
})

let mesh: LocalMesh
beforeEach(async () => (mesh = await LocalMesh.start()))
afterEach(() => mesh.stop())

const provider = async (name: string, region: string) => {
  const agent = await mesh.agent({ name, region, drain: 0 })
  agent.serve({ contract: where, handlers: { am: () => region } })
  return agent
}

/** Two providers of the region of a new caller stop. @returns ms until 95 % of its calls go elsewhere */
async function outage(turn: number): Promise<number> {
  const near = [await provider(`eu-1-${turn}`, 'eu'), await provider(`eu-2-${turn}`, 'eu')]
  const caller = await mesh.agent({ name: `caller-${turn}`, region: 'eu', contracts: [where] })
  const ask = (count: number) =>
    Promise.all(Array.from({ length: count }, () => caller.call('where.am', undefined, { timeout: 20_000 })))
  const from = (region: string, answers: readonly string[]) =>
    answers.filter(answer => answer === region).length
  await vi.waitFor(() => {
    const known = caller.services().find(({ service }) => service === 'where@1')?.providers
    expect(known?.map(({ online }) => online)).toEqual([true, true, true])
  }, 20_000)
  // A call that takes long on a busy machine is asked elsewhere, too.
  await vi.waitFor(async () => expect(from('eu', await ask(40))).toBeGreaterThan(36), 20_000)

  await Promise.all(near.map(agent => agent.stop()))
  const began = performance.now()
  const answers: string[] = []
  while (from('us', answers.slice(-200)) < 190) answers.push(...(await ask(20)))
  return performance.now() - began
}

test('after the outage of a region 95 % of the calls go elsewhere within 5 s, and none fails', async () => {
  await mesh.relay('relay-1')
  await provider('us-1', 'us')
  let turns = 0
  expect(await quickest(5_000, () => outage(++turns))).toBeLessThan(5_000)
})
