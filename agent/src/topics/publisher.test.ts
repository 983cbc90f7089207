import {
  decodeTopicMessage,
  encodeTopicMessage,
  jwkSigner,
  newPrivateJwk,
  peerIdOfJwk,
} from '@agent-mesh/protocol'
import { startTimer as realTimer, type StartTimer } from '@agent-mesh/protocol/timers'
import { expect, test, vi } from 'vitest'
import { topicDefaults } from './defaults.ts'
import type { ReadPublication } from './hub/retained-values.ts'
import { Publisher } from './publisher.ts'

async function publisher(startTimer: StartTimer = realTimer) {
  const jwk = newPrivateJwk()
  const signer = await jwkSigner(peerIdOfJwk(jwk), jwk)
  const publications: ReadPublication[] = []
  const deliver = (publication: ReadPublication) => {
    publications.push(publication)
    return Promise.resolve()
  }
  const publisher = new Publisher({ mesh: 'a'.repeat(52), signer, now: Date.now, startTimer, deliver })
  const publish = (topic: string, number: number) =>
    publisher.publish({
      ...{ topic, version: 1, retain: false, acks: 0, timeout: 1, trace: null },
      body: encodeTopicMessage({ json: String(number), tail: undefined }, topic),
    })
  return { publisher, publish, publications }
}

const numbersOf = ({ claims: { sizes }, bodies }: ReadPublication) => {
  let end = 0
  return sizes.map(size => decodeTopicMessage(bodies, end, (end += size)))
}
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
  const timers: { ms: number; work: () => void }[] = []
  const { publish, publications } = await publisher((ms, work) => {
    timers.push({ ms, work })
    return { cancel: () => {} }
  })
  const pauses = () => timers.map(({ ms }) => ms)
  void Promise.all(upTo(4).map(number => publish('t', number)))
  await vi.waitFor(() => expect(pauses()).toEqual([topicDefaults.busyGatherMs]), 20_000)
  void publish('t', 4)
  timers[0]?.work()
  // One message was no load: the next waits the shorter time.
  await vi.waitFor(
    () => expect(pauses()).toEqual([topicDefaults.busyGatherMs, topicDefaults.gatherMs]),
    20_000,
  )
  expect(publications.map(numbersOf)).toEqual([upTo(4), [4]])
})
