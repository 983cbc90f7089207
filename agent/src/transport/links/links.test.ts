import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MeshError } from '@agent-mesh/protocol'
import { until } from '../../../../test/support/until.ts'
import type { Link } from './link.ts'
import { targetOf, TestTransports, type TransportMember } from '../testing/test-transports.ts'
import type { Transport } from '../transport.ts'
import { msOf, quickest } from '../../../../test/support/quickest.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.end())

describe('a session', () => {
  it('with two links lets the lower peer retire the one the higher dialled, after its work is done', async () => {
    const retired: Link[] = []
    const { promise: workDone, resolve: finish } = Promise.withResolvers<void>()
    const retire = (link: Link) => {
      retired.push(link)
      return workDone
    }
    const members = [await mesh.member('a'), await mesh.member('b')].sort((a, b) =>
      a.identity.peerId < b.identity.peerId ? -1 : 1,
    )
    const [lower, higher] = [
      await mesh.start(members[0] as (typeof members)[0], { retire }),
      await mesh.start(members[1] as (typeof members)[0], { retire }),
    ]
    const second = await higher.connect(targetOf(lower))
    await until(() => lower.links.size === 1)
    // The table would return the existing link: dial as an agent that has not seen it yet.
    const seen = vi.spyOn(lower.links, 'best').mockReturnValue(undefined)
    await lower.connect(targetOf(higher))
    seen.mockRestore()
    expect(retired).toHaveLength(1)
    expect(retired[0]).toMatchObject({ dialler: higher.peerId, state: 'retiring' })
    expect(lower.links.best(higher.peerId)?.dialler).toBe(lower.peerId)
    expect(second.state).toBe('up')
    finish()
    await second.closed
    await until(() => lower.links.size === 1 && higher.links.size === 1)
  })

  it('with a peer that started anew uses a link of its new start, whatever the old one left half open', async () => {
    const members = [await mesh.member('a'), await mesh.member('b')].sort((a, b) =>
      a.identity.peerId < b.identity.peerId ? -1 : 1,
    )
    const [own, peer] = members as [TransportMember, TransportMember]
    const start = (boot: string) => mesh.start(peer, { hello: () => ({ ...peer.ports.hello(), boot }) })
    const lower = await mesh.start(own)
    // Dialled by the lower peer: it would win any tie.
    await lower.connect(targetOf(await start('1'.repeat(22))))
    await (await start('2'.repeat(22))).connect(targetOf(lower))
    await until(() => lower.links.size === 2)
    expect(lower.links.best(peer.identity.peerId)?.peer.boot).toBe('2'.repeat(22))
  })

  it('finds out at both ends that its older link is dead when there is another', async () => {
    const dead = new Set<string>()
    const verify = (link: Link) =>
      dead.has(link.id) ? Promise.reject(new Error('silent')) : Promise.resolve()
    const [a, b] = [await mesh.join('a', { verify }), await mesh.join('b', { verify })]
    const [lower, higher] = a.peerId < b.peerId ? [a, b] : [b, a]
    const first = await lower.connect(targetOf(higher))
    const theirs = await until(() => higher.links.best(lower.peerId))
    dead.add(first.id).add(theirs.id)
    const seen = vi.spyOn(lower.links, 'best').mockReturnValue(undefined)
    await lower.connect(targetOf(higher))
    seen.mockRestore()
    await until(() => first.suspect && theirs.suspect)
    expect(lower.links.best(higher.peerId)?.dialler).toBe(lower.peerId)
    expect(higher.links.best(lower.peerId)).toBeDefined()
  })

  it('ends on both sides when one closes it, and tells who listens', async () => {
    const [a, b] = await mesh.pair()
    const down: string[] = []
    b.links.onDown(link => down.push(link.peer.peerId))
    const link = await a.connect(targetOf(b))
    await until(() => b.links.size === 1)
    await link.close()
    expect(a.links.size).toBe(0)
    await until(() => b.links.size === 0)
    expect(down).toEqual([a.peerId])
  })

  it('is cut off at once when its peer is revoked', async () => {
    const [a, b] = await mesh.pair()
    const link = await a.connect(targetOf(b))
    await until(() => b.links.size === 1)
    b.links.disconnect(a.peerId, new MeshError('revoked', 'Cannot keep link: revoked'))
    await link.closed
    await until(() => b.links.size + a.links.size === 0)
  })
})

describe('links', () => {
  it('that nobody uses are closed by who dialled them, others stay', async () => {
    const hub = await mesh.join('hub', { options: { idleMs: 0 } })
    const [idle, pinned, working, inbound] = (await Promise.all(
      ['idle', 'pinned', 'working', 'inbound'].map(name => mesh.join(name)),
    )) as [Transport, Transport, Transport, Transport]
    await hub.connect(targetOf(idle))
    const release = (await hub.connect(targetOf(pinned))).pin()
    let works = true
    ;(await hub.connect(targetOf(working))).watchWork(() => works)
    await inbound.connect(targetOf(hub))
    await until(() => hub.links.size === 4)
    hub.links.sweep()
    await until(() => hub.links.size === 3)
    expect(hub.links.peers().sort()).toEqual([pinned.peerId, working.peerId, inbound.peerId].sort())
    release()
    works = false
    hub.links.sweep()
    await until(() => hub.links.size === 1)
  })

  it('with an open stream are in use', async () => {
    const [a, b] = await mesh.pair()
    await b.handle('/test/1.0.0', () => {})
    const link = await a.connect(targetOf(b))
    const stream = await link.openStream('/test/1.0.0')
    expect(link.busy).toBe(true)
    stream.abort(new Error('done'))
    await until(() => !link.busy)
  })

  it('beyond the cap push out the least recently used one', async () => {
    const hub = await mesh.join('hub', { options: { maxLinks: 2 } })
    const [one, two, three] = (await Promise.all(['one', 'two', 'three'].map(name => mesh.join(name)))) as [
      Transport,
      Transport,
      Transport,
    ]
    await hub.connect(targetOf(one))
    await hub.connect(targetOf(two))
    // Identify runs on a new link for a moment.
    await until(() => hub.links.all().every(link => !link.busy))
    hub.links.best(one.peerId)?.stream.send(Buffer.from('used'))
    await hub.connect(targetOf(three))
    expect(hub.links.peers().sort()).toEqual([one.peerId, three.peerId].sort())
  })

  it('beyond the cap are refused when all have work, dialled or taken', async () => {
    const hub = await mesh.join('hub', { options: { maxLinks: 1 } })
    const [one, two] = [await mesh.join('one'), await mesh.join('two')]
    ;(await hub.connect(targetOf(one))).watchWork(() => true)
    await expect(hub.connect(targetOf(two))).rejects.toMatchObject({ code: 'too_many_links' })
    const link = await two.connect(targetOf(hub)).catch(() => undefined)
    await link?.closed
    expect(hub.links.peers()).toEqual([one.peerId])
  })
})

describe('streams', () => {
  it('reach their handler exactly once each, with the peer that opened them', async () => {
    const [a, b] = await mesh.pair()
    const seen: string[] = []
    await b.handle('/test/1.0.0', (stream, link) => {
      expect(link.peer.peerId).toBe(a.peerId)
      stream.onData(chunk => {
        seen.push(Buffer.from(chunk).toString())
        stream.send(chunk)
      })
    })
    const link = await a.connect(targetOf(b))
    const echoed: string[] = []
    const streams = await Promise.all(Array.from({ length: 60 }, () => link.openStream('/test/1.0.0')))
    for (const [i, stream] of streams.entries()) {
      stream.onData(chunk => echoed.push(Buffer.from(chunk).toString()))
      stream.send(Buffer.from(`s${i}`))
    }
    await until(() => echoed.length === 60)
    const expected = Array.from({ length: 60 }, (_, i) => `s${i}`).sort()
    expect(seen.sort()).toEqual(expected)
    expect(echoed.sort()).toEqual(expected)
  })

  it('of a protocol the peer does not know are unsupported', async () => {
    const [a, b] = await mesh.pair()
    const link = await a.connect(targetOf(b))
    await expect(link.openStream('/nobody/1.0.0')).rejects.toMatchObject({ code: 'unsupported' })
    expect(link.state).toBe('up')
  })

  it('whose handler throws end, and nothing else does', async () => {
    const [a, b] = await mesh.pair()
    await b.handle('/throws/1.0.0', stream => {
      stream.onData(() => {
        throw new Error('handler failed')
      })
    })
    const link = await a.connect(targetOf(b))
    const stream = await link.openStream('/throws/1.0.0')
    const over = new Promise(resolve => stream.onClose(resolve))
    stream.send(Buffer.from('x'))
    await over
    expect(link.state).toBe('up')
  })

  it('tell the sender to wait, and when to go on', async () => {
    const [a, b] = await mesh.pair()
    let received = 0
    await b.handle('/bulk/1.0.0', stream => stream.onData(chunk => (received += chunk.byteLength)))
    const link = await a.connect(targetOf(b))
    const stream = await link.openStream('/bulk/1.0.0')
    const chunk = new Uint8Array(64 * 1024)
    let sent = 0
    let waits = 0
    const fill = () => {
      while (sent < 8 * 1024 * 1024) {
        sent += chunk.byteLength
        if (!stream.send(chunk)) return void waits++
      }
    }
    stream.onDrain(fill)
    fill()
    await until(() => received === 8 * 1024 * 1024)
    expect(waits).toBeGreaterThan(0)
  })
})

describe('connect()', () => {
  it('gives up at its deadline', async () => {
    const [a, b] = await mesh.pair()
    const blackHole = { peerId: b.peerId, addrs: ['/ip4/203.0.113.1/tcp/9'], relays: [] }
    const late = () =>
      expect(a.connect(blackHole, { deadline: performance.now() + 100 })).rejects.toBeInstanceOf(MeshError)
    expect(await quickest(1_000, () => msOf(late))).toBeLessThan(1_000)
  })

  it('is cancelled by its caller alone; who still waits gets the link', async () => {
    const [a, b] = await mesh.pair()
    const abort = new AbortController()
    const patient = a.connect(targetOf(b))
    const cancelled = a.connect(targetOf(b), { signal: abort.signal })
    abort.abort()
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    expect((await patient).state).toBe('up')
  })

  it('is not given up with the one before it, which its caller cancelled', async () => {
    const [a, b] = await mesh.pair()
    const abort = new AbortController()
    const again = a.connect(targetOf(b), abort).catch(() => a.connect(targetOf(b)))
    abort.abort()
    expect(await again).toMatchObject({ path: 'direct' })
  })

  it('to oneself is refused', async () => {
    const [a] = await mesh.pair()
    await expect(a.connect(targetOf(a))).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  it('finds another peer than expected at an address and refuses it', async () => {
    const [a, b] = await mesh.pair()
    const other = await mesh.member('other')
    const target = { peerId: other.identity.peerId, addrs: b.addresses(), relays: [] }
    await expect(a.connect(target)).rejects.toMatchObject({ code: 'unavailable' })
    expect(a.links.size).toBe(0)
  })

  it('after the stop is refused', async () => {
    const [a, b] = await mesh.pair()
    await a.stop()
    await expect(a.connect(targetOf(b))).rejects.toMatchObject({ code: 'going_away' })
  })
})
