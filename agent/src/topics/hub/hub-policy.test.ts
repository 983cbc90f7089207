import {
  encodeTopicMessage,
  evaluate,
  jwkSigner,
  MeshError,
  newPrivateJwk,
  peerIdOfJwk,
  signPublication,
  type Policy,
  type Subject,
  type TopicFrame,
} from '@agent-mesh/protocol'
import { expect, test, vi } from 'vitest'
import { memoryStreams } from '../../rpc/index.ts'
import { FrameSender } from '../frame-sender.ts'
import { readFrames } from '../read-frames.ts'
import { serveAgent } from './serve-agent.ts'
import { TopicHub } from './topic-hub.ts'

const mesh = 'a'.repeat(52)
const policy: Policy = {
  grants: [
    { from: ['name:sensor'], to: ['topic:x'], allow: ['publish'] },
    { from: ['name:screen'], to: ['topic:x'], allow: ['subscribe'] },
  ],
  tests: [],
}

/** A hub, and members that send it what they want: their own agent did not ask the policy. */
function hubWithMembers() {
  const allows = (from: Subject, action: 'publish' | 'subscribe', to: string) =>
    evaluate(policy, from, action, to) !== undefined
  const hub = new TopicHub({
    ...{ mesh, allows, now: Date.now, onLost: () => {} },
    authorize: ({ from, action, to }) => {
      if (!allows(from, action, to)) throw new MeshError('permission_denied', `Cannot ${action} ${to}`)
    },
  })
  return async (name: string) => {
    const jwk = newPrivateJwk()
    const peerId = peerIdOfJwk(jwk)
    const signer = await jwkSigner(peerId, jwk)
    const [near, far] = memoryStreams()
    const credential = { sub: peerId, name, roles: ['agent'], tags: [] }
    serveAgent({ hub, stream: far, peer: { peerId, credential }, onRefused: () => {} })
    const got: TopicFrame[] = []
    readFrames(near, frame => got.push(frame))
    const sender = new FrameSender(near)
    const answer = (type: TopicFrame['type']) =>
      vi.waitFor(() => expect(got.splice(0)).toMatchObject([{ type }]), 20_000)
    return {
      ...{ signer, sender, answer },
      subscribe: async (topic: string, expected: 'subscribed' | 'refused') => {
        sender.send({ type: 'subscribe', id: 1, pattern: topic, retained: true })
        await answer(expected)
      },
      publish: async (topic: string, by = signer) => {
        const body = encodeTopicMessage({ json: '1', tail: undefined }, topic)
        const claims = { mesh, topic, version: 1, epoch: 1, seq: 1, at: Date.now() }
        const { jws, bodies } = await signPublication(by, claims, [body])
        sender.send({ type: 'publish', jws, acks: false }, bodies)
      },
    }
  }
}

test('who may only publish cannot subscribe at a hub, and who may only subscribe cannot publish', async () => {
  const join = hubWithMembers()
  const [sensor, screen] = [await join('sensor'), await join('screen')]
  for (const topic of ['x', '*', 'x.*', 'y']) await sensor.subscribe(topic, 'refused')
  for (const topic of ['*', 'x*', 'y']) await screen.subscribe(topic, 'refused')
  await screen.subscribe('x', 'subscribed')
  await screen.publish('x')
  await screen.answer('refused')
  await sensor.publish('x')
  await screen.answer('message')
})

test('a member cannot publish what another member signed', async () => {
  const join = hubWithMembers()
  const [sensor, screen] = [await join('sensor'), await join('screen')]
  await screen.publish('x', sensor.signer)
  await screen.answer('refused')
})
