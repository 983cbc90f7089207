import { MeshError } from '@agent-mesh/protocol'
import { expect, test, vi } from 'vitest'
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
    onOpen: () => {},
    onFrame: () => {},
    onFailed: () => {},
  })
  await hubs.settled()
  await hubs.settled()
  expect([asked, hubs.relay]).toEqual([['before'], undefined])
  link = linkTo('upgraded')
  expect(hubs.relay).toBe('relay')
  changed()
  await vi.waitFor(() => expect(asked).toEqual(['before', 'upgraded']))
  await hubs.stop()
})
