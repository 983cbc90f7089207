import { MeshError, type Peer } from '@agent-mesh/protocol'
import { afterEach, expect, it } from 'vitest'
import { LinkTable } from '../links/link-table.ts'
import { Link } from '../links/link.ts'
import { until } from '../../../../test/support/until.ts'
import { Upgrader, type UpgradeReport } from './upgrader.ts'

const self = 'A'
const addrs = {
  relay: '/ip4/45.45.45.21/tcp/4001/p2p/R/p2p-circuit',
  webrtc: '/webrtc',
  direct: '/ip4/45.45.45.3/tcp/31000',
}

/** An upgrader over links whose peer never opens the protocol. */
function fixture(retryMs: readonly number[]) {
  const links = new LinkTable({
    self,
    maxLinks: 128,
    idleMs: 60_000,
    now: () => performance.now(),
    retire: () => Promise.resolve(),
    onError: error => errors.push(error),
  })
  const errors: unknown[] = []
  const reports: UpgradeReport[] = []
  const never = () => Promise.reject(new Error('nothing is dialled here'))
  const upgrader = new Upgrader({
    self,
    links,
    dials: { direct: never, meet: never, webrtc: never, acceptWebrtc: never },
    observed: () => ({ localPort: undefined, mapping: 'unknown', addrs: [] }),
    interfaces: () => ({}),
    listen: () => [],
    webrtc: () => false,
    random: () => 0.5,
    onReport: report => reports.push(report),
    onError: error => errors.push(error),
    retryMs,
  })
  let opened = 0
  const link = (
    peerId: string,
    path: keyof typeof addrs,
    code: 'unavailable' | 'unsupported' = 'unavailable',
  ) => {
    const made: Link = new Link({
      id: `${opened++}`,
      peer: { peerId } as Peer,
      remoteAddr: `${addrs[path]}/p2p/${peerId}`,
      dialler: self,
      openedAt: opened,
      rttMs: 1,
      stream: {} as Link['stream'],
      io: {
        openStream: () => Promise.reject(new MeshError(code, 'Cannot open stream: not here')),
        openDuplex: () => Promise.reject(new MeshError(code, 'Cannot open stream: not here')),
        otherStreams: () => 0,
        carried: () => 0,
        close: () => Promise.resolve(made.markDown(undefined)),
        abort: error => made.markDown(error),
      },
    })
    links.add(made)
    return made
  }
  stops.push(async () => {
    await upgrader.stop()
    await links.stop()
    expect(errors).toEqual([])
  })
  return { links, link, upgrader, reports }
}
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

it('begins at once, again and again while the path is not direct, and ends with it', async () => {
  const { link, reports, upgrader } = fixture([1])
  link('B', 'relay')
  await until(() => reports.length >= 4)
  expect(upgrader.state('B')?.last).toMatchObject({ result: 'failed', path: 'relay', reason: 'not here' })
  link('B', 'webrtc')
  const before = reports.length
  await until(() => reports.length > before + 2)
  expect(reports.at(-1)?.path).toBe('webrtc')
  link('B', 'direct')
  await until(() => upgrader.state('B') === undefined)
})

it('leaves it to the lower peer to begin', async () => {
  const { link, reports, upgrader } = fixture([1])
  link('@', 'relay')
  link('B', 'relay')
  await until(() => reports.length >= 3)
  expect(reports.map(({ peerId }) => peerId)).not.toContain('@')
  expect(upgrader.state('@')).toEqual({ attempts: 0, last: undefined })
})

it('waits long once it failed, but not when the network changed', async () => {
  const { link, reports, upgrader } = fixture([600_000])
  link('B', 'relay')
  await until(() => reports.length === 1)
  upgrader.changed()
  await until(() => reports.length === 2)
})

it('tries a link that opens again once, and then as seldom as the one before', async () => {
  const { link, reports } = fixture([1, 1, 600_000])
  const of = (peer: string) => reports.filter(({ peerId }) => peerId === peer).length
  const first = link('B', 'relay')
  await until(() => of('B') === 3)
  await first.close()
  link('B', 'relay')
  await until(() => of('B') === 4)
  link('C', 'relay')
  await until(() => of('C') === 3)
  expect(of('B')).toBe(4)
})

it('does not trouble a peer that takes no part', async () => {
  const { link, reports } = fixture([1, 1, 600_000])
  link('B', 'relay', 'unsupported')
  link('C', 'relay')
  await until(() => reports.filter(({ peerId }) => peerId === 'C').length === 3)
  expect(reports.filter(({ peerId }) => peerId === 'B').map(({ result }) => result)).toEqual(['refused'])
})

it('keeps nothing of 1,000 changes of path', async () => {
  const { link, links, reports, upgrader } = fixture([1])
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  for (let round = 0; round < 1000; round++) {
    const peerId = `B${round % 10}`
    const relayed = link(peerId, 'relay')
    if (round % 100 === 0) await until(() => reports.some(report => report.peerId === peerId))
    const direct = link(peerId, 'direct')
    await (round % 2 === 0 ? relayed.close() : relayed.closed)
    await direct.close()
  }
  await until(() => links.size === 0)
  await until(() =>
    Array.from({ length: 10 }, (_, i) => upgrader.state(`B${i}`)).every(state => state === undefined),
  )
  await until(() => timers() <= before)
})
