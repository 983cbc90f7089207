import { jwkSigner, MeshError, newPrivateJwk, peerIdOfJwk, type Subject } from '@agent-mesh/protocol'
import { expect, test, vi } from 'vitest'
import { memoryStreams } from '../rpc/index.ts'
import { topicDefaults } from './defaults.ts'
import { ReachSubscribers } from './reach-subscribers.ts'
import type { TopicLink, TopicNetwork } from './topic-network.ts'
import { Topics } from './topics.ts'

const mesh = 'a'.repeat(52)
const silent = { warn: () => {}, debug: () => {}, error: () => {} }

interface Node {
  topics: Topics
  subject: Subject
  links: Map<string, TopicLink>
  changed: () => void
}

/** Agents without a relay, of which none can dial the first, as behind NAT. */
class MeshBehindNat {
  readonly nodes = new Map<string, Node>()

  async add(name: string): Promise<Node> {
    const jwk = newPrivateJwk()
    const self = peerIdOfJwk(jwk)
    const subject = { sub: self, name, roles: ['agent'], tags: [] }
    const listeners = new Set<() => void>()
    const links = new Map<string, TopicLink>()
    const [hidden = self] = this.nodes.keys()
    const network: TopicNetwork = {
      relays: () => [],
      hasRelays: () => false,
      agents: () => [...this.nodes.keys()].filter(peerId => peerId !== self),
      linked: peerId => links.get(peerId),
      link: peerId =>
        peerId === hidden
          ? Promise.reject(new MeshError('unavailable', 'Cannot reach it'))
          : Promise.resolve(this.connect(self, peerId)),
      onChange: listener => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    const topics = new Topics({
      ...{ mesh, self, network, signer: await jwkSigner(self, jwk), log: silent, now: Date.now },
      subject: () => subject,
      subjectOf: peerId => this.nodes.get(peerId)?.subject,
      untilKnown: () => Promise.resolve(),
      authorize: () => {},
      allows: () => true,
      tracing: undefined,
      onEvent: () => {},
    })
    const node = { topics, subject, links, changed: () => listeners.forEach(listener => listener()) }
    this.nodes.set(self, node)
    return node
  }

  connect(from: string, to: string): TopicLink {
    const ends = [
      [from, to],
      [to, from],
    ] as const
    for (const [near, far] of ends)
      this.nodes.get(near)?.links.set(far, {
        state: 'up',
        openStream: () => {
          const [mine, its] = memoryStreams()
          const { topics } = this.nodes.get(far)!
          topics.serve(its, { peerId: near, credential: this.nodes.get(near)!.subject })
          return Promise.resolve(mine)
        },
      })
    for (const end of [from, to]) this.nodes.get(end)?.changed()
    return this.nodes.get(from)!.links.get(to)!
  }
}

test('a publisher that nobody can dial, linked with one of five, reaches them all without a relay, once', async () => {
  const nat = new MeshBehindNat()
  const publisher = await nat.add('publisher')
  const got: unknown[] = []
  const subscribers: Node[] = []
  for (const name of ['one', 'two', 'three', 'four', 'five']) {
    const node = await nat.add(name)
    subscribers.push(node)
    node.topics.subscribe('t', { onMessage: ({ value }) => void (value === 'all' && got.push(name)) })
  }
  nat.connect(publisher.subject.sub, subscribers[0]!.subject.sub)
  await vi.waitFor(
    async () => {
      const { acks } = await publisher.topics.publish('t', 'anyone', { acks: 5, timeout: 200 })
      expect(acks).toBe(5)
    },
    { timeout: 20_000 },
  )
  await publisher.topics.publish('t', 'all', { acks: 5 })
  expect(got.toSorted()).toEqual(['five', 'four', 'one', 'three', 'two'])
  for (const { topics } of nat.nodes.values()) await topics.stop()
})

test('a publisher dials few at once, each once in a while, and has links to a bounded number', async () => {
  let now = 0
  let running = 0
  let most = 0
  const dialled: string[] = []
  const linked = new Map<string, TopicLink>()
  const agents = Array.from({ length: 200 }, (_, nth) => `agent-${nth}`)
  const reach = new ReachSubscribers(
    {
      ...{ relays: () => [], hasRelays: () => false, agents: () => agents, onChange: () => () => {} },
      linked: peerId => linked.get(peerId),
      link: async peerId => {
        const isLost = dialled.push(peerId) % 2 === 0
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
        if (isLost) throw new MeshError('unavailable', 'Cannot reach it')
        const link: TopicLink = { state: 'up', openStream: () => Promise.reject(new Error('not asked')) }
        linked.set(peerId, link)
        return link
      },
    },
    () => now,
  )
  reach.reach()
  await vi.waitFor(() => expect(linked.size).toBe(topicDefaults.directAgents), 20_000)
  expect(most).toBe(topicDefaults.dialsAtOnce)
  expect(new Set(dialled).size).toBe(dialled.length)
  const before = dialled.length
  linked.clear()
  agents.length = before
  reach.reach()
  await Promise.resolve()
  expect(dialled).toHaveLength(before)
  now += topicDefaults.reachAgainMs
  reach.reach()
  expect(dialled.length).toBeGreaterThan(before)
  await reach.stop()
})
