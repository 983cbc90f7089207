import { defineTopic, type Agent, type Subscription, type TopicMessage } from '@agent-mesh/agent'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { adminOf, LocalMesh } from '../support/local-mesh.ts'
import { msOf, quickest } from '../support/quickest.ts'
import { refusal } from '../support/refusal.ts'

const alerts = defineTopic({ name: 'alerts.disk', message: z.object({ free: z.number() }) })
const config = defineTopic({ name: 'config', message: z.string(), retain: true })

let mesh: LocalMesh
beforeEach(async () => void (mesh = await LocalMesh.start()))
afterEach(() => mesh.stop())

/** Agents that know each other, each linked with a relay when there are any. */
async function agents(names: readonly string[], relays: number): Promise<Agent[]> {
  const started: Agent[] = []
  for (const name of names) started.push(await mesh.agent({ name }))
  for (const agent of started)
    await vi.waitFor(() => {
      const online = agent.peers().filter(({ online, kind }) => online && kind === 'agent')
      expect(online).toHaveLength(names.length - 1)
      if (relays > 0) expect(agent.status().relays.length).toBeGreaterThan(0)
    }, 60_000)
  return started
}

/** Collects what a subscription gets. */
function gathered<T>(subscription: Subscription<T>): TopicMessage<T>[] {
  const messages: TopicMessage<T>[] = []
  void (async () => {
    for await (const message of subscription) messages.push(message)
  })()
  return messages
}

const seconds = { timeout: 60_000 }

describe.each([0, 1, 2])('topics over %i relays', relays => {
  beforeEach(async () => {
    for (let i = 1; i <= relays; i++) await mesh.relay(`relay-${i}`)
  })

  test('reach all subscribers once, one of each group, and tell how many took them', async () => {
    const [one, two, three] = (await agents(['one', 'two', 'three'], relays)) as [Agent, Agent, Agent]
    const plain = [one, two].map(agent => agent.subscribe('alerts.*'))
    const [first, second] = (await Promise.all(plain)).map(gathered)
    const sharing = [one, two, three].map(agent => agent.subscribe(alerts, { group: 'pagers' }))
    const shared = (await Promise.all(sharing)).map(gathered)
    // Relays hear of subscriptions at other relays a moment later.
    await vi.waitFor(async () => {
      const { acks } = await three.publish(alerts, { free: -1 }, { acks: 3, timeout: 1_000 })
      expect(acks).toBe(3)
    }, seconds)
    const count = 20
    const sent = Array.from({ length: count }, (_, free) => three.publish(alerts, { free }, { acks: 3 }))
    for (const { acks } of await Promise.all(sent)) expect(acks).toBe(3)
    const numbers = (messages: readonly TopicMessage[] | undefined) =>
      (messages ?? []).map(({ value }) => (value as { free: number }).free).filter(free => free >= 0)
    const all = Array.from({ length: count }, (_, free) => free)
    await vi.waitFor(() => expect([numbers(first), numbers(second)]).toEqual([all, all]), seconds)
    expect(shared.flatMap(numbers).sort((a, b) => a - b)).toEqual(all)
    expect(first?.at(-1)).toMatchObject({ from: { name: 'three' }, topic: 'alerts.disk', lost: 0 })
  })

  test('keep the last value for those who subscribe later', async () => {
    const [one, two] = (await agents(['one', 'two'], relays)) as [Agent, Agent]
    await one.publish(config, 'old')
    await one.publish(config, 'new')
    const messages = gathered(await two.subscribe(config))
    await vi.waitFor(() => expect(messages.at(-1)).toMatchObject({ value: 'new' }), seconds)
    const again = gathered(await two.subscribe(config))
    await vi.waitFor(() => expect(again).toMatchObject([{ value: 'new', retained: true }]), seconds)
    const firstOf = async (): Promise<void> => {
      for await (const { value } of await two.subscribe(config)) return expect(value).toBe('new')
    }
    expect(await quickest(1_000, () => msOf(firstOf))).toBeLessThan(1_000)
  })

  test('tell of a last value that was deleted those who have it alone', async () => {
    const [one, two] = (await agents(['one', 'two'], relays)) as [Agent, Agent]
    const early = gathered(await two.subscribe('level'))
    await vi.waitFor(async () => {
      expect(await one.publish('level', 'debug', { retain: true, acks: 1, timeout: 1_000 })).toEqual({
        acks: 1,
      })
    }, seconds)
    await one.publish('level', null, { retain: true })
    await vi.waitFor(() => expect(early.at(-1)).toMatchObject({ value: null }), seconds)
    const late = gathered(await two.subscribe('level'))
    await one.publish('other', 'kept', { retain: true })
    const other = gathered(await two.subscribe('other'))
    await vi.waitFor(() => expect(other).toMatchObject([{ value: 'kept' }]), seconds)
    expect(late).toEqual([])
  })
})

describe('topics without a relay', () => {
  test('reach subscribers that cannot dial the publisher: it dials them', async () => {
    const names = ['one', 'two', 'three', 'four', 'five']
    const subscribers = await agents(names, 0)
    const publisher = await mesh.agent({ name: 'publisher', listen: [] })
    // It knows them all, and has a link to one.
    await vi.waitFor(() => expect(publisher.peers().filter(({ online }) => online)).toHaveLength(5), seconds)
    await publisher.ping('one')
    const subscriptions = subscribers.map(subscriber => subscriber.subscribe(alerts))
    const got = (await Promise.all(subscriptions)).map(gathered)
    await vi.waitFor(async () => {
      const { acks } = await publisher.publish(alerts, { free: 0 }, { acks: 5, timeout: 1_000 })
      expect(acks).toBe(5)
    }, seconds)
    await publisher.publish(alerts, { free: 1 }, { acks: 5 })
    for (const messages of got) {
      const ones = messages.filter(({ value }) => value.free === 1)
      expect(ones).toMatchObject([{ from: { name: 'publisher' } }])
    }
  })
})

describe('topics', () => {
  test('are for members that the policy lets publish and subscribe, and for messages that fit', async () => {
    await mesh.relay('relay-1')
    const [one] = (await agents(['one'], 1)) as [Agent]
    expect(await refusal(one.publish(alerts, { free: 'all' } as never))).toContain('invalid_argument')
    expect(await refusal(one.publish('x', 'a'.repeat(65_537)))).toContain('too_large')
    expect(await refusal(one.publish('mesh.cache', 'a'))).toContain('reserved')
    expect(await refusal(one.subscribe('a b'))).toContain('invalid_argument')
    await mesh.letAgentsCall()
    await vi.waitFor(async () => {
      expect(await refusal(one.publish(alerts, { free: 1 }))).toContain('permission_denied')
    }, seconds)
    expect(await refusal(one.subscribe('alerts.*'))).toContain('permission_denied')
  })

  test('tell publishing and subscribing apart, and end with the membership of the publisher', async () => {
    await mesh.relay('relay-1')
    const [sensor, screen] = (await agents(['sensor', 'screen'], 1)) as [Agent, Agent]
    await mesh.letAgentsCall()
    await mesh.grant({ from: ['name:sensor'], to: ['topic:alerts.disk'], allow: ['publish'] })
    await mesh.grant({ from: ['name:screen'], to: ['topic:alerts.disk'], allow: ['subscribe'] })
    const messages = await vi.waitFor(async () => gathered(await screen.subscribe(alerts)), seconds)
    // Until each of the three has the policy.
    await vi.waitFor(async () => {
      expect((await sensor.publish(alerts, { free: 1 }, { acks: 1, timeout: 1_000 })).acks).toBe(1)
      expect(await refusal(sensor.subscribe(alerts))).toContain('permission_denied')
      expect(await refusal(screen.publish(alerts, { free: 2 }))).toContain('permission_denied')
    }, seconds)
    expect(await refusal(screen.subscribe('alerts.*'))).toContain('permission_denied')
    expect(await refusal(screen.subscribe('mesh.*'))).toContain('reserved')
    await (await adminOf(mesh.controlPlane)).revoke({ peerId: sensor.peerId })
    await vi.waitFor(() => expect(screen.peers().map(({ name }) => name)).not.toContain('sensor'), seconds)
    await sensor.publish(alerts, { free: 3 }, { acks: 1, timeout: 300 }).catch(() => {})
    expect(messages.map(({ value }) => value)).not.toContainEqual({ free: 3 })
  })

  test('go on when the relay of a subscriber stops, with the last value again', async () => {
    const first = await mesh.relay('relay-1')
    const [one, two] = (await agents(['one', 'two'], 1)) as [Agent, Agent]
    const messages = gathered(await two.subscribe(config))
    await one.publish(config, 'before')
    await vi.waitFor(() => expect(messages.map(({ value }) => value)).toEqual(['before']), seconds)
    await first.stop()
    await vi.waitFor(
      async () => {
        expect((await one.publish(config, 'after', { acks: 1, timeout: 1_000 })).acks).toBe(1)
      },
      { timeout: 20_000 },
    )
    await vi.waitFor(() => expect(messages.at(-1)?.value).toBe('after'), seconds)
  })
})
