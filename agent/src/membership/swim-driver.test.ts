import { MeshError } from '@agent-mesh/protocol'
import { decodeSwim, encodeSwim, linkFeatures, type SwimMessage } from '@agent-mesh/protocol/wire/index'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Link } from '../transport/links/link.ts'
import { bareLink, bareTable } from '../transport/testing/bare-links.ts'
import { HeardScope } from './heard-scope.ts'
import { RingOrder } from './ring-order.ts'
import { SwimDriver } from './swim-driver.ts'
import { Ledger, RingScope, swimPresets } from './swim/index.ts'
import { Verdicts } from './verdicts.ts'

const onError = (error: unknown) => {
  throw error
}

let now: number
let timers: { at: number; work: () => void }[]
let links: ReturnType<typeof bareTable>
let sent: { to: string; message: SwimMessage | undefined }[]
let probes: string[]
let dialled: string[]
/** Peers that answer. */
let awake: Set<string>
let verdicts: Verdicts
let driver: SwimDriver
let agents: RingOrder
let tellFeatures: (link: Link) => void

/** Features, and when something was last heard, by peer id. */
const peers = new Map<string, { features: number; heardAt: number }>()
const peer = (name: string) => peers.get(name) ?? { features: 0, heardAt: -Infinity }

function meet(name: string, features: number): Link {
  const link = bareLink({ peerId: name, signed: { credential: '', record: undefined } })
  peers.set(name, { features, heardAt: now })
  awake.add(name)
  links.add(link)
  tellFeatures(link)
  return link
}

/** Lets virtual ms pass. */
async function pass(ms: number): Promise<void> {
  const until = now + ms
  for (;;) {
    const next = timers.toSorted((a, b) => a.at - b.at)[0]
    if (next === undefined || next.at > until) break
    timers = timers.filter(timer => timer !== next)
    now = next.at
    next.work()
    await Promise.resolve()
  }
  now = until
}

/** The map names it no more. */
function vanish(name: string): void {
  agents.remove(name)
  driver.forget(name)
}

const read = (link: Link, message: SwimMessage) => driver.read(link, encodeSwim(message))

beforeEach(() => {
  now = 0
  timers = []
  links = bareTable()
  sent = []
  probes = []
  dialled = []
  awake = new Set()
  peers.clear()
  verdicts = new Verdicts(() => now, onError)
  agents = new RingOrder('mesh', 5)
  const ledger = new Ledger()
  for (const name of ['self', 'ada', 'bob', 'old']) {
    agents.add(name)
    ledger.merge(name, { incarnation: 1, state: 'alive' })
  }
  const rings = { rings: 3, ringsAlone: 5, small: 8, relays: new RingOrder('mesh', 5) }
  const scope = new HeardScope({
    isDeaf: peerId => driver.links.isDeaf(peerId),
    scope: new RingScope({ self: 'self', agents, ...rings, relaysOf: () => [], homed: () => [] }),
  })
  driver = new SwimDriver({
    ...{ self: 'self', settings: swimPresets.edge, scope, ledger, verdicts },
    ...{ isKnown: name => agents.has(name), isHomed: () => false, proofOf: () => undefined },
    ...{ raise: () => {}, isEnded: () => false, unixMs: () => 1_000, learn: () => Promise.resolve() },
    keys: () => onError(new Error('no news has a proof')),
    log: { debug: () => {}, warn: onError },
    observed: { judged: () => {}, refuted: () => {} },
    clock: {
      now: () => now,
      random: () => 0.5,
      after: (ms, work) => {
        const timer = { at: now + ms, work }
        timers.push(timer)
        return () => void (timers = timers.filter(each => each !== timer))
      },
    },
    links: {
      links,
      rpcOf: ({ peer: { peerId } }) => ({
        swim: bytes => sent.push({ to: peerId, message: decodeSwim(Buffer.from(bytes)) }),
        peerFeatures: peer(peerId).features,
        stats: { lastHeardAt: peer(peerId).heardAt } as never,
      }),
      ping: ({ peer: { peerId } }) => {
        probes.push(peerId)
        if (!awake.has(peerId)) return new Promise(() => {})
        peers.set(peerId, { ...peer(peerId), heardAt: now })
        return Promise.resolve(1)
      },
      onFeatures: listener => {
        tellFeatures = listener
        return () => {}
      },
      dial: peerId => dialled.push(peerId),
    },
  })
  driver.changed()
})

const probesOf = (name: string) => probes.filter(each => each === name).length

describe('SwimDriver', () => {
  test('judges a member that fell silent, asks the other watcher first, and tells it', async () => {
    meet('ada', linkFeatures.swim)
    const bob = meet('bob', linkFeatures.swim)
    await pass(20_000)
    expect([verdicts.stateOf('ada'), verdicts.stateOf('bob')]).toEqual(['alive', 'alive'])
    sent = []
    awake.delete('ada')
    await pass(2_000)
    expect(sent).toContainEqual(
      expect.objectContaining({
        to: 'bob',
        message: expect.objectContaining({ kind: 'accuse', about: 'ada' }),
      }),
    )
    read(bob, { kind: 'accuse', about: 'ada', incarnation: 1, closed: false })
    await pass(4_000)
    expect(verdicts.stateOf('ada')).toBe('dead')
    expect(sent).toContainEqual({
      to: 'bob',
      message: { kind: 'news', news: [expect.objectContaining({ peerId: 'ada', state: 'dead' })] },
    })
  })

  test('sends nothing to a member of an earlier version, and does not judge it', async () => {
    meet('ada', linkFeatures.swim)
    meet('old', linkFeatures.parts)
    awake.delete('old')
    await pass(60_000)
    expect(sent.filter(({ to }) => to === 'old')).toEqual([])
    expect([probesOf('old'), verdicts.stateOf('old')]).toEqual([0, undefined])
  })

  test('probes a member for which each byte costs as seldom as that probes others', async () => {
    meet('ada', linkFeatures.swim)
    meet('bob', linkFeatures.swim | linkFeatures.metered)
    await pass(60_000)
    expect(probesOf('ada')).toBeGreaterThan(50)
    expect(probesOf('bob')).toBeLessThanOrEqual(4)
  })

  test('sends a member for which each byte costs a tenth of the digests', async () => {
    const digests = () => sent.filter(({ to, message }) => to === 'bob' && message?.kind === 'digest').length
    meet('ada', linkFeatures.swim)
    const bob = meet('bob', linkFeatures.swim)
    await pass(600_000)
    expect(digests()).toBeGreaterThan(5)
    sent = []
    peers.set('bob', { ...peer('bob'), features: linkFeatures.swim | linkFeatures.metered })
    tellFeatures(bob)
    await pass(600_000)
    // The chance of the test, 0.5, is over a tenth.
    expect(digests()).toBe(0)
  })

  test('dials a watched member to which there is no link', async () => {
    meet('ada', linkFeatures.swim)
    await pass(1)
    expect(dialled).toContain('bob')
  })

  test('takes an end by the other side for closed, also before that has said whether it takes part', async () => {
    await pass(1)
    const ended: Promise<unknown>[] = []
    for (const name of ['bob', 'ada']) {
      const link = bareLink({ peerId: name, signed: { credential: '', record: undefined } })
      links.add(link)
      if (name === 'bob') tellFeatures(link)
      await pass(1)
      link.markDown(new MeshError('unavailable', 'Cannot keep the link: reset'))
      ended.push(link.closed)
    }
    await Promise.all(ended)
    await vi.waitFor(() => expect(verdicts.suspicionOf('ada')).toBe('closed'), 20_000)
    // Of an earlier version, and watched by other means.
    expect(verdicts.suspicionOf('bob')).toBeUndefined()
  })

  test('takes the word of another member that one it has no link to closed its links', async () => {
    const bob = meet('bob', linkFeatures.swim)
    read(bob, { kind: 'accuse', about: 'ada', incarnation: 1, closed: false })
    await pass(600)
    expect(verdicts.suspicionOf('ada')).toBe('silent')
    read(bob, { kind: 'accuse', about: 'ada', incarnation: 1, closed: true })
    expect(verdicts.suspicionOf('ada')).toBe('closed')
    meet('ada', linkFeatures.swim)
    await pass(1_000)
    expect(verdicts.suspicionOf('ada')).toBeUndefined()
  })

  test('does not judge a member that left the map under suspicion', async () => {
    meet('ada', linkFeatures.swim)
    meet('bob', linkFeatures.swim)
    await pass(20_000)
    awake.delete('ada')
    for (let waited = 0; verdicts.suspicionOf('ada') === undefined && waited < 60; waited++) await pass(100)
    expect(verdicts.suspicionOf('ada')).toBe('silent')
    vanish('ada')
    await pass(60_000)
    expect([verdicts.suspicionOf('ada'), verdicts.stateOf('ada')]).toEqual([undefined, undefined])
  })

  test('dials one that is dead from time to time, until the map names it no more', async () => {
    const ada = meet('ada', linkFeatures.swim)
    meet('bob', linkFeatures.swim)
    awake.delete('ada')
    await pass(20_000)
    expect(verdicts.stateOf('ada')).toBe('dead')
    ada.markDown(undefined)
    dialled = []
    await pass(60_000)
    expect(dialled).toContain('ada')
    vanish('ada')
    dialled = []
    await pass(120_000)
    expect(dialled).not.toContain('ada')
  })

  test('ignores accusations of members that it does not know, and of incarnations that cannot be', async () => {
    const ada = meet('ada', linkFeatures.swim)
    await pass(10)
    probes = []
    read(ada, { kind: 'accuse', about: 'stranger', incarnation: 1, closed: false })
    read(ada, { kind: 'accuse', about: 'bob', incarnation: 2 ** 47, closed: false })
    expect(dialled).not.toContain('stranger')
    expect(() => driver.read(ada, Buffer.from([1, 0]))).toThrow('Cannot parse swim message')
  })
})
