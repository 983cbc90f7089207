/** Agents that watch on three rings beside an older one that watches three successors on one; real links over loopback. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Rings } from '../membership/rings.ts'
import { createLogger } from '../observe/logger.ts'
import { targetOf, TestTransports } from '../transport/testing/test-transports.ts'
import type { Transport } from '../transport/transport.ts'
import { pathDefaults } from './defaults.ts'
import { WatchLinks } from './watch-links.ts'

const meshId = 'mesh'
const log = createLogger('test', 'silent')

/** As agents of the release before chose whom to watch. */
function successorsOnOneRing(self: string, others: readonly string[]): string[] {
  const place = (peerId: string) => createHash('sha256').update(meshId).update(peerId).digest('hex')
  const sorted = [...others].sort((a, b) => (place(a) < place(b) ? -1 : 1))
  const first = Math.max(
    0,
    sorted.findIndex(peerId => place(peerId) > place(self)),
  )
  return [0, 1, 2].map(step => sorted[(first + step) % sorted.length] ?? '')
}

function onThreeRings(self: string, others: readonly string[]): string[] {
  const rings = new Rings({ meshId, self, rings: pathDefaults.watched, small: 1 })
  for (const peerId of others) rings.add(peerId)
  return rings.watched(pathDefaults.watched)
}

let network: TestTransports
let agents: Transport[]
const watches: WatchLinks[] = []

beforeEach(async () => {
  network = await TestTransports.create()
  agents = []
  // Idle at once: only what is watched stays.
  for (let i = 0; i < 6; i++) agents.push(await network.join(`agent-${i}`, { options: { idleMs: 0 } }))
})
afterEach(async () => {
  await Promise.all(watches.splice(0).map(watch => watch.stop()))
  await network.stop()
})

function watch(agent: Transport, targets: readonly string[]): void {
  const links = new WatchLinks({
    targets: () => targets,
    linkTo: (peerId, signal) => {
      const peer = agents.find(each => each.peerId === peerId)
      if (peer === undefined) throw new Error(`${peerId} is no agent of this test`)
      return agent.connect(targetOf(peer), { signal })
    },
    ping: async () => 1,
    log,
  })
  agent.links.keepWhen(({ peer }) => links.watches(peer.peerId))
  links.update()
  watches.push(links)
}

test('an older agent watches its own three successors among agents on three rings, and all links stay', async () => {
  const peerIds = agents.map(({ peerId }) => peerId)
  const graph = agents.map((agent, i) => {
    const others = peerIds.filter(peerId => peerId !== agent.peerId)
    return (i === 0 ? successorsOnOneRing : onThreeRings)(agent.peerId, others)
  })
  for (const [i, agent] of agents.entries()) watch(agent, graph[i] ?? [])
  const isWhole = () =>
    agents.every((agent, i) => graph[i]?.every(peerId => agent.links.best(peerId) !== undefined))
  await vi.waitUntil(isWhole, { timeout: 20_000, interval: 10 })
  for (const agent of agents) agent.links.sweep()
  expect(isWhole()).toBe(true)
  expect(graph[0]).toHaveLength(3)
  // Where two dialled each other at once, one of the two links is retired first.
  const allUp = () => agents.flatMap(({ links }) => links.all()).every(({ state }) => state === 'up')
  await vi.waitUntil(() => allUp() && isWhole(), { timeout: 20_000, interval: 10 })
})
