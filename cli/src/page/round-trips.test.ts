import { expect, test } from 'vitest'

import { pageDefaults } from './page-defaults.ts'
import type { PageSource } from './page-source.ts'
import { RoundTrips } from './round-trips.ts'

/** Of no agent: the samples are those of the test. */
const nowhere: PageSource = {
  ...{ admin: undefined, agentFolder: '/nowhere' },
  local: () => ({ peers: () => Promise.reject(new Error('no agent')) }) as never,
}

test('keeps the round trips of an hour, of all members and of each', async () => {
  const trips = new RoundTrips(nowhere)
  const peers = Array.from({ length: 20 }, (_, i) => ({ peerId: `p${i + 1}`, rttMs: i + 1 }))
  trips.add(1_000, [...peers, { peerId: 'unmeasured' }])
  trips.add(2_000, [{ peerId: 'p1', rttMs: 40 }])
  expect(trips.points()).toEqual([
    { at: 1_000, p50: 10, p95: 19, members: 20 },
    { at: 2_000, p50: 40, p95: 40, members: 1 },
  ])
  expect(trips.points('p1').map(({ p50 }) => p50)).toEqual([1, 40])
  expect(trips.points('p2').map(({ at }) => at)).toEqual([1_000])
  expect(trips.points('unmeasured')).toEqual([])

  trips.add(1_500 + pageDefaults.historyMs, peers)
  expect(trips.points().map(({ at }) => at)).toEqual([2_000, 1_500 + pageDefaults.historyMs])
  await trips.stop()
})
