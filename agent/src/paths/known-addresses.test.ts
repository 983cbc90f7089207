import { expect, test } from 'vitest'
import { generateIdentity } from '../identity/index.ts'
import { openMemberStore } from '../membership/member-store.ts'
import { createLogger } from '../observe/logger.ts'
import { PathHistory } from '../transport/dial/path-history.ts'
import { KnownAddresses } from './known-addresses.ts'

const log = createLogger('test', 'silent')
const { peerId } = await generateIdentity()
const [first, second] = ['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.2/tcp/2'] as const

test('the address that worked is the first after a restart, and no more once it failed', () => {
  const store = openMemberStore(':memory:')
  const history = new PathHistory(Date.now)
  const known = new KnownAddresses({ history, store, log })
  history.begin(peerId)
  history.tried(peerId, second, undefined)
  known.stop()
  const restarted = new PathHistory(Date.now)
  new KnownAddresses({ history: restarted, store, log })
  expect(restarted.bestFirst(peerId, [first, second])).toEqual([second, first])
  expect(restarted.of(peerId)).toEqual([])
  store.close()
})

test('what is damaged on disk is forgotten', () => {
  const store = openMemberStore(':memory:')
  for (const damaged of ['{', '[["x", "y"]]', '7']) {
    store.set('goodAddresses', damaged)
    const history = new PathHistory(Date.now)
    new KnownAddresses({ history, store, log })
    expect(history.good()).toEqual([])
  }
  store.close()
})
