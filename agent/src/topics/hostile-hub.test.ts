import {
  encodeTopicMessage,
  jwkSigner,
  newPrivateJwk,
  peerIdOfJwk,
  signPublication,
  type Publication,
  type Subject,
  type TopicFrame,
} from '@agent-mesh/protocol'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { memoryStreams } from '../rpc/index.ts'
import { topicDefaults } from './defaults.ts'
import { FrameSender } from './frame-sender.ts'
import { readFrames } from './read-frames.ts'
import type { Subscription } from './subscription.ts'
import { Topics, type TopicEvent } from './topics.ts'

const mesh = 'a'.repeat(52)
const silent = { warn: () => {}, debug: () => {}, error: () => {} }

interface TestMember {
  signer: Awaited<ReturnType<typeof jwkSigner>>
  subject: Subject
  /** Signs in the name of another member. */
  as: (peerId: string) => ReturnType<typeof jwkSigner>
}

async function member(name: string): Promise<TestMember> {
  const jwk = newPrivateJwk()
  const sub = peerIdOfJwk(jwk)
  const subject = { sub, name, roles: ['agent'], tags: [] }
  return { subject, signer: await jwkSigner(sub, jwk), as: peerId => jwkSigner(peerId, jwk) }
}

/** So many messages, numbered from `seq` on, under one signature. */
function publication(
  { signer }: Pick<TestMember, 'signer'>,
  seq: number,
  { topic = 'alerts', count = 1 } = {},
): Promise<Publication> {
  const claims = { mesh, topic, version: 1, epoch: 1, seq, at: Date.now() }
  const numbers = Array.from({ length: count }, (_, at) => String(seq + at))
  const encoded = numbers.map(json => encodeTopicMessage({ json, tail: undefined }, topic))
  return signPublication(signer, claims, encoded)
}

/** A subscriber whose only hub is in the hands of an attacker: it sends what the test wants. */
let events: TopicEvent[]
let denied: Set<string>
let revoked: Set<string>
let publisher: TestMember
let self: TestMember
let topics: Topics
let send: (frame: TopicFrame, bodies?: Uint8Array) => void
let answerTo: (id: number) => TopicFrame | undefined

beforeEach(async () => {
  events = []
  denied = new Set()
  revoked = new Set()
  answerTo = id => ({ type: 'subscribed', id })
  publisher = await member('publisher')
  self = await member('self')
  const link = {
    state: 'up' as const,
    openStream: () => {
      const [near, far] = memoryStreams()
      const sender = new FrameSender(far)
      send = (frame, bodies) => sender.send(frame, bodies)
      readFrames(far, frame => {
        const answer = frame.type === 'subscribe' ? answerTo(frame.id) : undefined
        if (answer !== undefined) send(answer)
      })
      return Promise.resolve(near)
    },
  }
  const allows = (from: Subject, to: string, action: string) => !denied.has(`${from.name} ${action} ${to}`)
  topics = new Topics({
    ...{ mesh, allows, self: self.subject.sub, signer: self.signer, log: silent, now: Date.now },
    network: {
      relays: () => ['hub'],
      hasRelays: () => true,
      agents: () => [],
      linked: () => link,
      link: () => Promise.resolve(link),
      onChange: () => () => {},
    },
    subject: () => self.subject,
    subjectOf: peerId => [publisher.subject].find(({ sub }) => sub === peerId && !revoked.has(peerId)),
    untilKnown: () => Promise.resolve(),
    authorize: () => {},
    tracing: undefined,
    onEvent: event => events.push(event),
  })
})
afterEach(() => topics.stop())

async function subscribed(topic: string): Promise<{ got: unknown[]; subscription: Subscription }> {
  const got: unknown[] = []
  const subscription = topics.subscribe(topic, { onMessage: ({ value }) => void got.push(value) })
  await subscription.ready
  return { got, subscription }
}

const message = ({ jws, bodies }: Publication) =>
  send({ type: 'message', jws, acks: false, plain: true }, bodies)
const untilEvents = (...expected: TopicEvent[]) => vi.waitFor(() => expect(events).toEqual(expected), 20_000)

test('a message with a forged signature, or with other bytes, reaches no subscription', async () => {
  const { got } = await subscribed('alerts')
  const stranger = await member('stranger')
  message(await publication({ signer: await stranger.as(publisher.subject.sub) }, 1))
  const signed = await publication(publisher, 2)
  const bodies = Uint8Array.from(signed.bodies)
  bodies[1]! ^= 1
  message({ ...signed, bodies })
  message(await publication(publisher, 3))
  await untilEvents('forged', 'forged', 'delivered')
  expect(got).toEqual([3])
})

test('a message that is sent again is refused, also after later ones', async () => {
  const { got } = await subscribed('alerts')
  const [first, second] = [await publication(publisher, 1), await publication(publisher, 2)]
  for (const one of [first, first, second, first]) message(one)
  await vi.waitFor(() => expect(got).toEqual([1, 2]), 20_000)
  expect(events.toSorted()).toEqual(['delivered', 'delivered', 'replayed', 'replayed'])
})

test('messages of a publisher keep their order, many of them received at once', async () => {
  const { got } = await subscribed('alerts')
  const all = Array.from({ length: 60 }, (_, at) => at + 1)
  const sent = await Promise.all([1, 21, 41].map(seq => publication(publisher, seq, { count: 20 })))
  for (const one of sent) message(one)
  await vi.waitFor(() => expect(got).toHaveLength(60), 20_000)
  expect(got).toEqual(all)
})

test('a publisher is not heard once it is revoked, unknown, or not granted the topic', async () => {
  const { got } = await subscribed('alerts')
  message(await publication(publisher, 1))
  await untilEvents('delivered')
  revoked.add(publisher.subject.sub)
  message(await publication(publisher, 2))
  message(await publication(await member('unknown'), 1))
  await untilEvents('delivered', 'denied', 'denied')
  revoked.clear()
  denied.add('publisher publish topic:alerts')
  message(await publication(publisher, 3))
  denied = new Set(['self subscribe topic:alerts'])
  message(await publication(publisher, 4))
  await vi.waitFor(() => expect(events).toHaveLength(5), 20_000)
  denied.clear()
  message(await publication(publisher, 5))
  await untilEvents('delivered', 'denied', 'denied', 'denied', 'denied', 'delivered')
  expect(got).toEqual([1, 5])
})

test('a hub that sends reserved topics to a subscription to all is not heard', async () => {
  const { got } = await subscribed('*')
  message(await publication(publisher, 1, { topic: 'mesh.cache' }))
  message(await publication(publisher, 2))
  await vi.waitFor(() => expect(got).toEqual([2]), 20_000)
})

test('a hub that never answers holds up nothing once its subscription is closed', async () => {
  vi.useFakeTimers()
  try {
    answerTo = () => undefined
    const subscription = topics.subscribe('alerts')
    await vi.advanceTimersByTimeAsync(10)
    expect(vi.getTimerCount()).toBeGreaterThan(0)
    subscription.close()
    await subscription.ready
    await vi.advanceTimersByTimeAsync(10)
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('a subscription that a hub refused at first is ready when the hub takes it', async () => {
  vi.useFakeTimers()
  try {
    answerTo = id => {
      answerTo = id => ({ type: 'subscribed', id })
      return { type: 'refused', id, code: 'permission_denied', message: 'not yet' }
    }
    const { ready } = topics.subscribe('alerts')
    let isReady = false
    void ready.then(() => (isReady = true))
    await vi.advanceTimersByTimeAsync(topicDefaults.retryMs - 100)
    expect(isReady).toBe(false)
    await vi.advanceTimersByTimeAsync(200)
    expect(isReady).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})
