import {
  decodeTopicMessage,
  encodeTopicMessage,
  jwkSigner,
  messagesOf,
  newPrivateJwk,
  peerIdOfJwk,
} from '@agent-mesh/protocol'
import { expect, test, vi } from 'vitest'
import type { ReadPublication } from './hub/retained-values.ts'
import { Publisher } from './publisher.ts'

async function publisher() {
  const jwk = newPrivateJwk()
  const signer = await jwkSigner(peerIdOfJwk(jwk), jwk)
  const publications: ReadPublication[] = []
  const deliver = (publication: ReadPublication) => {
    publications.push(publication)
    return Promise.resolve()
  }
  const publisher = new Publisher({ mesh: 'a'.repeat(52), signer, now: Date.now, deliver })
  const publish = (topic: string, number: number) =>
    publisher.publish({
      ...{ topic, version: 1, retain: false, acks: 0, timeout: 1, trace: null },
      body: encodeTopicMessage({ json: String(number), tail: undefined }, topic),
    })
  return { publisher, publish, publications }
}

const numbersOf = ({ claims, bodies }: ReadPublication) => messagesOf(claims, bodies).map(decodeTopicMessage)
const upTo = (count: number) => Array.from({ length: count }, (_, number) => number)

test('messages keep their order, of more than one publication takes and of several topics', async () => {
  const { publisher: own, publish, publications } = await publisher()
  await Promise.all(upTo(400).map(number => publish(number % 2 === 0 ? 'even' : 'odd', number)))
  for (const [topic, rest] of [['even', 0] as const, ['odd', 1] as const]) {
    const ofTopic = publications.filter(({ claims }) => claims.topic === topic)
    expect(ofTopic.flatMap(numbersOf)).toEqual(upTo(400).filter(number => number % 2 === rest))
  }
  expect(publications).toHaveLength(8)
  await own.stop()
})

test('a busy publisher gathers longer: fewer publications, which are what subscribers pay for', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  try {
    const { publisher: own, publish, publications } = await publisher()
    void Promise.all(upTo(4).map(number => publish('t', number)))
    await vi.waitFor(() => expect(publications).toHaveLength(1))
    void publish('t', 4)
    await vi.advanceTimersByTimeAsync(40)
    expect(publications).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(11)
    await vi.waitFor(() => expect(publications.flatMap(numbersOf)).toEqual([0, 1, 2, 3, 4]))
    // One message was no load: the next waits the shorter time.
    void publish('t', 5)
    await vi.advanceTimersByTimeAsync(21)
    await vi.waitFor(() => expect(publications.flatMap(numbersOf)).toEqual(upTo(6)))
    await own.stop()
  } finally {
    vi.useRealTimers()
  }
})
