import {
  encodeTopicMessage,
  jwkSigner,
  newPrivateJwk,
  peerIdOfJwk,
  signPublication,
  type Subject,
  type TopicFrame,
} from '@agent-mesh/protocol'
import { createLogger, type ByteStream } from '@agent-mesh/agent'
import { memoryStreams } from '@agent-mesh/agent/rpc/memory-stream'
import { FrameSender, readFrames } from '@agent-mesh/agent/topics/hub/index'
import { expect, test, vi } from 'vitest'
import { ForwardLosses } from './forward-losses.ts'
import { RelayTopics } from './relay-topics.ts'

const mesh = 'a'.repeat(52)
const [near, far, beyond] = [1, 2, 3].map(() => peerIdOfJwk(newPrivateJwk())) as [string, string, string]

/** The stream to a neighbour whose link is as slow as the test says. */
class SlowableStream implements ByteStream {
  slow = false
  drain = (): void => {}
  readonly #stream: ByteStream
  constructor(stream: ByteStream) {
    this.#stream = stream
  }
  get writable(): boolean {
    return this.#stream.writable
  }
  send(chunk: Uint8Array | readonly Uint8Array[]): boolean {
    this.#stream.send(chunk)
    return !this.slow
  }
  onDrain(callback: () => void): void {
    this.drain = callback
  }
  onData(callback: (chunk: Uint8Array) => void): void {
    this.#stream.onData(callback)
  }
  onClose(callback: (error?: Error) => void): void {
    this.#stream.onClose(callback)
  }
  pause(): void {}
  resume(): void {}
  close(): void {
    this.#stream.close()
  }
  abort(error: Error): void {
    this.#stream.abort(error)
  }
}

/** @param neighbours streams to them */
function relay(self: string, neighbours: Record<string, ByteStream>): RelayTopics {
  const link = (peerId: string) => ({ openStream: () => Promise.resolve(neighbours[peerId]) })
  const links = {
    ...{ onUp: () => () => {}, onDown: () => () => {} },
    ...{ peers: () => Object.keys(neighbours), best: link },
  }
  return new RelayTopics({
    ...{ self, mesh, isRelay: () => true, log: createLogger('test', 'silent') },
    transport: { links } as never,
    hub: { authorize: () => {}, allows: () => true, now: Date.now, onLost: () => {} },
  })
}

/** An agent or a relay with a stream to a relay. */
function served(topics: RelayTopics, stream: ByteStream, peerId: string, role: 'agent' | 'relay'): void {
  const credential: Subject = { sub: peerId, name: role, roles: [role], tags: [] }
  topics.serve(stream, { peer: { peerId, credential } } as never)
}

function agentAt(topics: RelayTopics, peerId = peerIdOfJwk(newPrivateJwk())) {
  const [mine, its] = memoryStreams()
  served(topics, its, peerId, 'agent')
  const got: TopicFrame[] = []
  readFrames(mine, frame => got.push(frame))
  return { got, sender: new FrameSender(mine) }
}

test('a subscriber is told what a relay dropped on the way to its relay, each member of a group its part', async () => {
  const [toFar, ofNear] = memoryStreams()
  const [toNear, ofFar] = memoryStreams()
  const way = new SlowableStream(toFar)
  const farTopics = relay(far, { [near]: toNear })
  const nearTopics = relay(near, { [far]: way })
  served(farTopics, ofNear, near, 'relay')
  served(nearTopics, ofFar, far, 'relay')
  const [plain, one, two] = [agentAt(farTopics), agentAt(farTopics), agentAt(farTopics)]
  plain.sender.send({ type: 'subscribe', id: 1, pattern: 'load', retained: false })
  for (const { sender } of [one, two])
    sender.send({ type: 'subscribe', id: 1, pattern: 'load', group: 'workers', retained: false })
  await vi.waitFor(() => expect(nearTopics.groupsFor('load').get('workers')?.[0]?.members).toBe(2), 20_000)

  const jwk = newPrivateJwk()
  const publisher = peerIdOfJwk(jwk)
  const signer = await jwkSigner(publisher, jwk)
  const { sender } = agentAt(nearTopics, publisher)
  const body = encodeTopicMessage({ json: undefined, tail: new Uint8Array(4_000) }, 'load')
  const inOne = 60
  const publish = async (nth: number) => {
    const claims = { mesh, topic: 'load', version: 1, epoch: 1, seq: nth * inOne, at: Date.now() }
    const { jws, bodies } = await signPublication(signer, claims, Array<Uint8Array>(inOne).fill(body))
    sender.send({ type: 'publish', jws, acks: false }, bodies)
    await new Promise(setImmediate)
  }
  const heardOf = ({ got }: { got: TopicFrame[] }) =>
    got.reduce((sum, frame) => {
      if (frame.type === 'lost') return sum + frame.count
      if (frame.type !== 'message') return sum
      return sum + (frame.plain ? inOne : (frame.shares?.['workers']?.length ?? 0))
    }, 0)
  const lostOf = ({ got }: { got: TopicFrame[] }) =>
    got.reduce((sum, frame) => (frame.type === 'lost' ? sum + frame.count : sum), 0)

  way.slow = true
  for (let nth = 1; nth <= 12; nth++) await publish(nth)
  way.slow = false
  way.drain()
  await publish(13)
  await vi.waitFor(() => {
    expect(heardOf(plain)).toBe(13 * inOne)
    expect(heardOf(one) + heardOf(two)).toBe(13 * inOne)
  }, 20_000)
  expect(lostOf(plain)).toBeGreaterThan(0)
  expect(lostOf(one) + lostOf(two)).toBe(lostOf(plain))
  await Promise.all([nearTopics.stop(), farTopics.stop()])
})

test('losses are summed by topic, relay and group, told once, and of a bounded number of topics', () => {
  const losses = new ForwardLosses()
  losses.dropped('a', 3, { to: { [far]: { plain: true, shares: { g: [0, 2] } } } })
  losses.dropped('a', 2, { to: { [far]: { plain: true }, [beyond]: { plain: false, shares: { g: [1] } } } })
  losses.dropped('kept', 1, { to: { [far]: { plain: false } } })
  const to = { [far]: { plain: 5, groups: { g: 2 } }, [beyond]: { plain: 0, groups: { g: 1 } } }
  expect(losses.take(4)).toEqual([{ type: 'forward-lost', topic: 'a', hops: 4, to }])
  expect(losses.take(4)).toEqual([])
  for (let nth = 0; nth < 2_000; nth++) losses.dropped(`t.${nth}`, 1, { to: { [far]: { plain: true } } })
  expect(losses.take(4)).toHaveLength(1_024)
})
