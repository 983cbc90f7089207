import { startTimer } from '@agent-mesh/protocol/timers'
import { MeshError } from '@agent-mesh/protocol'
import { expect, test, vi } from 'vitest'
import { memoryStreams } from '../rpc/index.ts'
import { HubConnections } from './hub-connections.ts'
import type { TopicLink } from './topic-network.ts'

const refuse = (): Promise<never> =>
  Promise.reject(new MeshError('unsupported', 'Cannot open topics: the peer does not speak it'))

test('a relay of a version without topics is asked again when it has a new link, as after its upgrade', async () => {
  const asked: string[] = []
  const linkTo = (name: string): TopicLink => ({
    state: 'up',
    openStream: () => {
      asked.push(name)
      return refuse()
    },
  })
  let link = linkTo('before')
  let changed = (): void => {}
  const hubs = new HubConnections({
    network: {
      relays: () => ['relay'],
      hasRelays: () => true,
      agents: () => [],
      linked: () => link,
      link: () => Promise.resolve(link),
      onChange: listener => {
        changed = listener
        return () => {}
      },
    },
    wantsAgents: () => false,
    startTimer,
    onOpen: () => Promise.resolve(),
    onFrame: () => {},
    onFailed: () => {},
  })
  await hubs.settled()
  await hubs.settled()
  expect([asked, hubs.relay]).toEqual([['before'], undefined])
  link = linkTo('upgraded')
  expect(hubs.relay).toBe('relay')
  changed()
  await vi.waitFor(() => expect(asked).toEqual(['before', 'upgraded']), 20_000)
  await hubs.stop()
})

test('an agent that could not be reached is dialled again after a while, not at once, or when it has a link', async () => {
  vi.useFakeTimers()
  try {
    let dials = 0
    let link = undefined as TopicLink | undefined
    let changed = (): void => {}
    const hubs = new HubConnections({
      network: {
        ...{ relays: () => [], hasRelays: () => false, agents: () => ['agent'], linked: () => link },
        link: () => {
          // Without an end to it, the process would do nothing else.
          if (++dials > 50) return new Promise(() => {})
          return Promise.reject(new MeshError('unavailable', 'Cannot reach it'))
        },
        onChange: listener => {
          changed = listener
          return () => {}
        },
      },
      startTimer,
      ...{ wantsAgents: () => true, onOpen: () => Promise.resolve(), onFrame: () => {}, onFailed: () => {} },
    })
    hubs.update()
    await vi.advanceTimersByTimeAsync(1_900)
    expect(dials).toBe(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(dials).toBe(2)
    let opened = 0
    link = { state: 'up', openStream: () => (opened++, refuse()) }
    changed()
    await vi.advanceTimersByTimeAsync(0)
    expect(opened).toBe(1)
    await hubs.stop()
  } finally {
    vi.useRealTimers()
  }
})

/** Hubs whose links are `link`, their streams counted, and the answers of which are given by the test. */
function answeredHubs(relays: () => string[]) {
  const closes: (() => number)[] = []
  const answers: (() => void)[] = []
  const linkOf = (): TopicLink => ({
    state: 'up',
    openStream: () => {
      const [near] = memoryStreams()
      const close = vi.spyOn(near, 'close')
      closes.push(() => close.mock.calls.length)
      return Promise.resolve(near)
    },
  })
  const at = { link: linkOf(), changed: (): void => {} }
  const hubs = new HubConnections({
    network: {
      ...{ relays, hasRelays: () => true, agents: () => [], linked: () => at.link },
      link: () => Promise.resolve(at.link),
      onChange: listener => {
        at.changed = listener
        return () => {}
      },
    },
    startTimer,
    onOpen: () => new Promise(resolve => answers.push(resolve)),
    ...{ wantsAgents: () => true, onFrame: () => {}, onFailed: () => {} },
  })
  return { hubs, answers, at, linkOf, counts: () => closes.map(count => count()) }
}

test('the stream of a link before stays until the hub has the subscriptions over the next one, and ends then', async () => {
  const { hubs, answers, at, linkOf, counts } = answeredHubs(() => ['relay'])
  await hubs.settled()
  answers[0]!()
  at.link = linkOf()
  at.changed()
  await hubs.settled()
  await vi.waitFor(() => expect(answers).toHaveLength(2), 20_000)
  expect(counts()).toEqual([0, 0])
  answers[1]!()
  await vi.waitFor(() => expect(counts()).toEqual([1, 0]), 20_000)
  await hubs.stop()
  expect(counts()).toEqual([1, 1])
})

test('the stream to the relay before stays until the next relay has the subscriptions, and ends then', async () => {
  let relay = 'before'
  const { hubs, answers, at, counts } = answeredHubs(() => [relay])
  await hubs.settled()
  answers[0]!()
  relay = 'next'
  at.changed()
  await hubs.settled()
  await vi.waitFor(() => expect(answers).toHaveLength(2), 20_000)
  hubs.update()
  expect(counts()).toEqual([0, 0])
  answers[1]!()
  await vi.waitFor(() => expect(counts()).toEqual([1, 0]), 20_000)
  await hubs.stop()
  // The first one, which has not ended at the other side, is closed as any that is open.
  expect(counts()[1]).toBe(1)
})
