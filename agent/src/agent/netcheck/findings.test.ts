import { expect, test } from 'vitest'
import { findingsOf, type NetworkFinding } from './findings.ts'
import type { NetworkFacts, RelayFacts } from './network-facts.ts'

const up = { ok: true, ms: 12 } as const
const down = { ok: false, error: 'no answer in 2 s' } as const
const relay = (addrs: RelayFacts['addrs'], name = 'relay-1'): RelayFacts => ({
  peerId: name,
  name,
  addrs,
  stun: [],
})
const tcp = '/ip4/192.0.2.1/tcp/4001'
const web = '/ip4/192.0.2.1/tcp/443/ws'
const udp = { asked: 2, answered: 2, mapping: 'cone', mapped: '198.51.100.1:7' } as const
const well: NetworkFacts = {
  addresses: ['192.168.1.20'],
  ip4: true,
  ip6: false,
  controlPlane: { url: 'https://mesh.example', ...up },
  relays: [
    relay([
      { addr: tcp, ...up },
      { addr: web, ...up },
    ]),
  ],
  udp4: udp,
  udp6: { asked: 0, answered: 0, mapping: 'unknown' },
  ms: 100,
}
const find = (facts: Partial<NetworkFacts>, topic: NetworkFinding['topic']) =>
  findingsOf({ ...well, ...facts }).find(finding => finding.topic === topic)

test('a network without limits is good throughout', () => {
  expect(findingsOf(well).map(({ level }) => level)).toEqual(findingsOf(well).map(() => 'good'))
})

test.each<[string, NetworkFinding['topic'], Partial<NetworkFacts>, NetworkFinding['level'], RegExp]>([
  ['a symmetric NAT', 'NAT', { udp4: { ...udp, mapping: 'symmetric' } }, 'note', /symmetric/],
  ['no more than can be known', 'NAT', {}, 'good', /cone or less strict.*198\.51\.100\.1:7/],
  [
    'a NAT that one server saw',
    'NAT',
    { udp4: { ...udp, mapping: 'one-server' } },
    'note',
    /unknown kind: only one STUN server/,
  ],
  [
    'blocked UDP',
    'UDP',
    { udp4: { asked: 2, answered: 0, mapping: 'blocked' } },
    'note',
    /^blocked \(none of 2 STUN servers answered/,
  ],
  [
    'no STUN server',
    'NAT',
    { udp4: { asked: 0, answered: 0, mapping: 'unknown' } },
    'note',
    /no STUN server is known/,
  ],
  [
    'no STUN server',
    'UDP',
    { udp4: { asked: 0, answered: 0, mapping: 'unknown' } },
    'note',
    /no relay lists/,
  ],
  [
    'an unreachable control plane',
    'control plane',
    { controlPlane: { url: 'https://x', ...down } },
    'bad',
    /is unreachable: no answer in 2 s/,
  ],
  [
    'that the relays are unknown',
    'relays',
    { relays: [], controlPlane: { url: 'https://x', ...down } },
    'note',
    /^unknown: the control plane/,
  ],
  ['no relay', 'relays', { relays: [] }, 'note', /no relay is known/],
  [
    'that no relay is reachable',
    'relays',
    { relays: [relay([{ addr: tcp, ...down }])] },
    'bad',
    /none of 1 is reachable/,
  ],
  [
    'the nearest relay',
    'relays',
    { relays: [relay([{ addr: tcp, ...up }]), relay([], 'b')] },
    'note',
    /1 of 2 reachable, nearest relay-1 in 12 ms/,
  ],
  [
    'a closed port 443',
    'port 443',
    { relays: [relay([{ addr: web, ...down }])], controlPlane: { url: 'http://x', ...up } },
    'bad',
    /^unreachable$/,
  ],
  ['that the web is open', 'port 443', { relays: [] }, 'good', /^reachable$/],
  [
    'that nothing listens on port 443',
    'port 443',
    { relays: [relay([{ addr: tcp, ...up }])], controlPlane: { url: 'https://x:8440', ...up } },
    'note',
    /^unknown: nothing in this mesh/,
  ],
  ['a proxy that works', 'proxy', { proxy: 'http://p:1' }, 'good', /http:\/\/p:1/],
  [
    'a proxy that does not',
    'proxy',
    { proxy: 'http://p:1', relays: [], controlPlane: { url: 'http://x', ...down } },
    'bad',
    /is used/,
  ],
  ['TCP that cannot be punched', 'TCP', { tcp: { mapping: 'varies', addrs: [] } }, 'note', /different ports/],
  ['no network', 'addresses', { addresses: [], ip4: false }, 'bad', /no network/],
])('it says %s', (_, topic, facts, level, says) => {
  const finding = find(facts, topic)
  expect(finding).toMatchObject({ level, says: expect.stringMatching(says) })
  expect(finding?.means).toMatch(/\w\)?\.$/)
})

test('it says nothing of unmeasured topics', () => {
  expect(find({}, 'proxy')).toBeUndefined()
  expect(find({}, 'TCP')).toBeUndefined()
})
