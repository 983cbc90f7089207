import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { transportDefaults } from '../defaults.ts'
import { targetOf, TestTransports } from '../testing/test-transports.ts'
import type { Transport } from '../transport.ts'
import type { Link } from './link.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.end())

const only = (transport: Transport, peerId: string): Link | undefined => {
  const links = transport.links.of(peerId)
  return links.length === 1 ? links[0] : undefined
}

it.each([1, 2, 3])('two that dial each other at once have one link in the end (%i)', async () => {
  const [lower, higher] = await mesh.pair()
  const heardOn = new Set<string>()
  higher.links.onUp(link => link.stream.onData(() => heardOn.add(link.dialler)))
  await Promise.all([lower.connect(targetOf(higher)), higher.connect(targetOf(lower))])
  // Until the second dial has ended, each end may have one link and not the same.
  await vi.waitUntil(() => {
    const [mine, theirs] = [only(lower, higher.peerId), only(higher, lower.peerId)]
    if (mine?.state !== 'up' || theirs?.dialler !== mine.dialler) return false
    mine.stream.send(Buffer.from('still here'))
    return heardOn.has(mine.dialler)
  }, 20_000)
})

it.each(['lower', 'higher'])(
  'the link of the peer serves the %s one at once, whose own dial is stuck',
  async who => {
    const [lower, higher] = await mesh.pair()
    const [stuck, peer] = who === 'lower' ? [lower, higher] : [higher, lower]
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    try {
      const { port } = silent.address() as AddressInfo
      const dialled = once(silent, 'connection')
      const began = performance.now()
      const own = stuck.connect({ peerId: peer.peerId, addrs: [`/ip4/127.0.0.1/tcp/${port}`], relays: [] })
      await dialled
      await peer.connect(targetOf(stuck))
      expect((await own).dialler).toBe(peer.peerId)
      // Else the caller would have waited until its own dial has no time left.
      expect(performance.now() - began).toBeLessThan(transportDefaults.dialMs - 1_000)
    } finally {
      silent.close()
    }
  },
)
