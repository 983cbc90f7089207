import type { Connection, PeerId } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { newestFirst } from './newest-first.ts'

const connection = (id: string, open: number) => ({ id, timeline: { open } }) as Connection
const peer = {} as PeerId

it('connections to a peer are listed newest first, those in doubt last', () => {
  const all = [connection('old', 1), connection('new', 3), connection('doubted', 4)]
  const manager = { getConnections: (_peer?: PeerId) => all }
  newestFirst(manager, id => id === 'doubted')
  const ids = (listed: Connection[]) => listed.map(({ id }) => id)
  expect(ids(manager.getConnections(peer))).toEqual(['new', 'old', 'doubted'])
  expect(ids(manager.getConnections())).toEqual(['old', 'new', 'doubted'])
  expect(ids(all)).toEqual(['old', 'new', 'doubted'])
})
