import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Connector } from '../links/connector.ts'
import { transportDefaults } from '../defaults.ts'
import { Dialer } from './dialer.ts'
import type { LinkTable } from '../links/link-table.ts'
import type { Link } from '../links/link.ts'
import { PathHistory } from './path-history.ts'

const peerId = async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString()

let dialer: Dialer
/** Addresses whose dial has started. */
const begun: string[] = []

/** A dialer with a link to one relay, whose dials never get as far as TLS. */
function dialerBehind(relay: string): Dialer {
  const never = () => () => {}
  const link = { remoteAddr: '/ip4/127.0.0.1/tcp/1', peer: { peerId: relay }, pin: never, suspect: false }
  const best = (to: string) => (to === relay ? (link as unknown as Link) : undefined)
  const links = { best, lasting: best, of: () => [], makeRoom: () => {}, onUp: never, onDoubt: never }
  const dial = (addr: unknown, { signal }: { signal: AbortSignal }) => {
    begun.push(String(addr))
    return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  return new Dialer({
    self: 'self',
    links: links as unknown as LinkTable,
    connector: {} as Connector,
    transportManager: () => ({ dial }),
    interfaces: () => ({ lo: [{ address: '127.0.0.1', family: 'IPv4', internal: true, cidr: null }] }),
    history: new PathHistory(() => 0),
    onError: () => {},
  })
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  begun.length = 0
})
afterEach(async () => {
  await dialer.stop()
  vi.useRealTimers()
})

it('circuits that take long to open keep their slots, dead addresses do not', async () => {
  const relay = await peerId()
  dialer = dialerBehind(relay)
  const more = transportDefaults.handshakes + 8
  const dialAll = async (target: { addrs: string[]; relays: { peerId: string; addrs: string[] }[] }) => {
    for (let i = 0; i < more; i++)
      void dialer.dial({ peerId: await peerId(), ...target }).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(transportDefaults.slotMs + 50)
  }
  await dialAll({ addrs: [], relays: [{ peerId: relay, addrs: [] }] })
  expect(begun).toHaveLength(transportDefaults.handshakes)
  await vi.advanceTimersByTimeAsync(transportDefaults.circuitSlotMs)
  expect(begun).toHaveLength(more)
  await dialer.stop()
  await dialAll({ addrs: ['/ip4/127.0.0.1/tcp/2'], relays: [] })
  expect(begun).toHaveLength(2 * more)
})

it('a dial that runs when the member stops ends as going_away: no caller gave up', async () => {
  dialer = dialerBehind(await peerId())
  const target = { peerId: await peerId(), addrs: ['/ip4/127.0.0.1/tcp/2'], relays: [] }
  const dials = [dialer.dial(target), dialer.dial(target)].map(dial =>
    dial.catch((thrown: unknown) => thrown),
  )
  await vi.waitUntil(() => begun.length > 0, 20_000)
  await dialer.stop()
  for (const error of await Promise.all(dials))
    expect(error).toMatchObject({ code: 'going_away', notStarted: true })
})
