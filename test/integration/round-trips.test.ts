/** Calls go near from the first one on: how far a provider is, its record and the caller's relay say. */
import { defineService } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod/mini'
import { startConnectProxy, type ConnectProxy } from '../support/connect-proxy.ts'
import { LocalMesh } from '../support/local-mesh.ts'

const where = defineService({
  name: 'where',
  version: 1,
  methods: { am: { params: z.undefined(), result: z.string(), idempotent: true } },
})

let mesh: LocalMesh
const proxies: ConnectProxy[] = []
beforeEach(async () => (mesh = await LocalMesh.start()))
afterEach(async () => {
  await mesh.stop()
  await Promise.all(proxies.splice(0).map(proxy => proxy.stop()))
})

/** A provider whose bytes to and from the relay take `delayMs` each way. */
async function provider(name: string, delayMs: number) {
  const proxy = await startConnectProxy({ delayMs })
  proxies.push(proxy)
  const agent = await mesh.agent({ name, listen: [], paths: 'relay', proxy: { url: proxy.url } })
  agent.serve({ contract: where, handlers: { am: () => name } })
}

/** A caller that has made no call yet, and knows of both how far they are: `far` is so much farther. */
async function caller(name: string, ratio: number) {
  const agent = await mesh.agent({ name, paths: 'relay', contracts: [where] })
  /** Members of a small mesh watch each other: once there is a link it is measured. */
  const msTo = (provider: string) => {
    const peer = agent.peers().find(({ name }) => name === provider)
    expect(peer, provider).toMatchObject({ online: true, services: ['host@1', 'where@1'] })
    return peer?.rttMs ?? peer?.estimatedRttMs ?? Number.NaN
  }
  await vi.waitFor(() => expect(msTo('far') / msTo('near')).toBeGreaterThan(ratio), {
    timeout: 100_000,
    interval: 50,
  })
  return agent
}

test('first calls ask the nearest of two equal providers', async () => {
  await mesh.relay('relay-1', '/ip4/127.0.0.1/tcp/0/ws')
  await Promise.all([provider('far', 300), provider('near', 2)])
  const callers = await Promise.all(['one', 'two', 'three', 'four'].map(name => caller(name, 2)))
  const answers = await Promise.all(
    callers.map(agent => agent.ask('where.am', undefined, { explain: true, timeout: 30_000 })),
  )
  for (const { explanation } of answers) {
    const candidates = explanation?.tries[0]?.candidates ?? []
    const [near, far] = ['near', 'far'].map(name => candidates.find(candidate => candidate.name === name))
    expect(near).toMatchObject({ estimated: true })
    expect(far).toMatchObject({ estimated: true })
    expect(far?.score).toBeGreaterThan(1.5 * (near?.score ?? 0))
  }
  // Chance has one in forty ask the other.
  expect(answers.filter(({ value }) => value === 'near').length).toBeGreaterThanOrEqual(2)
})
