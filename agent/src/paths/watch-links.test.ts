/** Real links over loopback. */
import { MeshError } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLogger } from '../observe/logger.ts'
import type { Link } from '../transport/links/link.ts'
import { targetOf, TestTransports } from '../transport/testing/test-transports.ts'
import type { Transport } from '../transport/transport.ts'
import { pathDefaults } from './defaults.ts'
import { WatchLinks } from './watch-links.ts'

let network: TestTransports
let agent: Transport
let peers: Transport[]
let targets: string[]
let watch: WatchLinks
let ping: (link: Link) => Promise<number>

beforeEach(async () => {
  network = await TestTransports.create()
  agent = await network.join('agent')
  peers = [await network.join('peer-1'), await network.join('peer-2')]
  targets = peers.map(({ peerId }) => peerId)
  ping = () => Promise.resolve(7)
  watch = new WatchLinks({
    targets: () => targets,
    linkTo: (peerId, signal) => {
      const peer = peers.find(known => known.peerId === peerId)
      if (peer === undefined) throw new MeshError('unavailable', 'gone')
      return agent.connect(targetOf(peer), { signal })
    },
    ping: link => ping(link),
    log: createLogger('test', 'silent'),
  })
})
afterEach(async () => {
  await watch.stop()
  await network.stop()
})

const until = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 10 })
const linked = () => agent.links.peers().sort()

describe('WatchLinks', () => {
  test('opens a link to each watched peer and measures its round trip', async () => {
    watch.update()
    await until(() => expect(linked()).toEqual([...targets].sort()))
    await until(() => expect(agent.links.all().map(({ rttMs }) => rttMs)).toEqual([7, 7]))
    expect(targets.map(peerId => watch.watches(peerId))).toEqual([true, true])
  })

  test('opens a lost link again', async () => {
    watch.update()
    await until(() => expect(linked()).toHaveLength(2))
    const [first] = agent.links.all()
    first?.abort(new MeshError('path_lost', 'cut by the test'))
    await until(() => expect(agent.links.all().some(({ id }) => id === first?.id)).toBe(false))
    await until(() => expect(linked()).toEqual([...targets].sort()))
  })

  test('watches no more whom the map no longer names, and begins to watch whom it does', async () => {
    const [first = '', second = ''] = targets
    targets = [first]
    watch.update()
    await until(() => expect(linked()).toEqual([first]))
    targets = [second]
    watch.update()
    await until(() => expect([watch.watches(first), watch.watches(second)]).toEqual([false, true]))
    await until(() => expect(linked()).toContain(second))
  })

  test('goes on with the others while one cannot be reached, and tries that one again', async () => {
    const [lost] = peers.splice(0, 1)
    watch.update()
    await until(() => expect(linked()).toEqual([peers[0]?.peerId]))
    peers.push(lost!)
    await until(() => expect(linked()).toEqual([...targets].sort()))
  })

  test('stops while dials are under way, and watches nobody afterwards', async () => {
    watch.update()
    await watch.stop()
    watch.update()
    expect(targets.some(peerId => watch.watches(peerId))).toBe(false)
  })

  test('opens no links for what a fleet that joins changes in passing, but follows in the end', async () => {
    vi.useFakeTimers()
    try {
      const dialled = new Set<string>()
      let target = 0
      const own = new WatchLinks({
        targets: () => [`peer-${target}`],
        linkTo: peerId => {
          dialled.add(peerId)
          return Promise.resolve({ closed: new Promise<undefined>(() => {}) } as Link)
        },
        ping: () => Promise.resolve(1),
        log: createLogger('test', 'silent'),
      })
      const changes = async (count: number) => {
        for (let i = 0; i < count; i++) {
          target++
          own.updateLater()
          await vi.advanceTimersByTimeAsync(100)
        }
      }
      await changes(10)
      await vi.advanceTimersByTimeAsync(pathDefaults.watchSettleMs + pathDefaults.watchRetryMinMs)
      expect([...dialled]).toEqual(['peer-10'])
      await changes((2 * pathDefaults.watchSettleMaxMs) / 100)
      expect(dialled.size).toBeGreaterThan(1)
      expect(dialled.size).toBeLessThan(5)
      own.updateLater()
      await own.stop()
      await vi.advanceTimersByTimeAsync(pathDefaults.watchSettleMaxMs)
      expect(dialled.size).toBeLessThan(5)
    } finally {
      vi.useRealTimers()
    }
  })

  test('lets calls go first after links were lost: dials again within the time it is given, not at once', async () => {
    vi.useFakeTimers()
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    try {
      const ends: (() => void)[] = []
      const own = new WatchLinks({
        targets: () => ['peer'],
        redialMs: () => 20_000,
        linkTo: () => {
          const { promise, resolve } = Promise.withResolvers<undefined>()
          ends.push(() => resolve(undefined))
          return Promise.resolve({ closed: promise } as unknown as Link)
        },
        ping: () => Promise.resolve(1),
        log: createLogger('test', 'silent'),
      })
      own.update()
      await vi.advanceTimersByTimeAsync(pathDefaults.watchRetryMinMs)
      expect(ends).toHaveLength(1)
      ends[0]?.()
      await vi.advanceTimersByTimeAsync(9_900)
      expect(ends).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(200)
      expect(ends).toHaveLength(2)
      await own.stop()
    } finally {
      vi.restoreAllMocks()
      vi.useRealTimers()
    }
  })

  test('waits for the end of a link once, however long it measures it', async () => {
    vi.useFakeTimers()
    try {
      const closed = new Promise<undefined>(() => {})
      const waits = vi.spyOn(closed, 'then')
      const link = { closed } as Link
      let pings = 0
      const own = new WatchLinks({
        targets: () => ['peer'],
        linkTo: () => Promise.resolve(link),
        ping: () => Promise.resolve(++pings),
        log: createLogger('test', 'silent'),
      })
      own.update()
      await vi.advanceTimersByTimeAsync(100_000)
      await own.stop()
      expect(pings).toBeGreaterThan(5)
      expect(waits).toHaveBeenCalledTimes(1)
    } finally {
      vi.useRealTimers()
    }
  })
})
