import { describe, expect, it } from 'vitest'
import { circuitAddr, familiesOf, isDialable, pathOf, relayOf, withoutPeer, withPeer } from './address.ts'

const relay = '12D3KooWRelay'
const both = { ip4: true, ip6: true }

describe('an address', () => {
  it.each([
    ['/ip4/192.0.2.1/tcp/4001', 'direct', undefined],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${relay}`, 'direct', undefined],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${relay}/p2p-circuit/p2p/X`, 'relay', relay],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${relay}/p2p-circuit`, 'relay', relay],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${relay}/p2p-circuit/webrtc/p2p/X`, 'webrtc', relay],
  ])('%s is a %s path', (addr, path, through) => {
    expect(pathOf(addr)).toBe(path)
    expect(relayOf(addr)).toBe(through)
  })

  it('of a circuit follows from that of its relay, with or without peer id', () => {
    const circuit = `/ip4/192.0.2.1/tcp/1/p2p/${relay}/p2p-circuit/p2p/X`
    expect(circuitAddr('/ip4/192.0.2.1/tcp/1', relay, 'X')).toBe(circuit)
    expect(circuitAddr(`/ip4/192.0.2.1/tcp/1/p2p/${relay}`, relay, 'X')).toBe(circuit)
    expect(withoutPeer(withPeer('/dns/a.example/tcp/1', 'X'))).toBe('/dns/a.example/tcp/1')
  })

  it.each([
    ['/ip4/192.0.2.1/tcp/4001', true],
    ['/ip4/127.0.0.1/tcp/4001', true],
    ['/dns/relay.example/tcp/443', true],
    ['/ip6/::1/tcp/4001', true],
    ['/ip4/0.0.0.0/tcp/4001', false],
    ['/ip4/169.254.1.1/tcp/4001', false],
    ['/ip6/::/tcp/4001', false],
    ['/ip6/fe80::1/tcp/4001', false],
    ['/ip4/192.0.2.1/tcp/0', false],
    ['/ip4/192.0.2.1/tcp/65536', false],
    ['/ip4/192.0.2.1/udp/4001/quic-v1', false],
    ['/ip4/192.0.2.1/tcp/4001/ws', false],
    ['nonsense', false],
  ])('%s can be dialled: %s', (addr, expected) => {
    expect(isDialable(addr, both)).toBe(expected)
  })

  it('of a family this host lacks is not dialled', () => {
    expect(isDialable('/ip6/2001:db8::1/tcp/1', { ip4: true, ip6: false })).toBe(false)
    expect(isDialable('/ip4/192.0.2.1/tcp/1', { ip4: false, ip6: true })).toBe(false)
  })

  it('families are those of the interfaces; IPv6 link-local is none', () => {
    const eth0 = [
      { family: 'IPv4', address: '192.0.2.1' },
      { family: 'IPv6', address: 'fe80::1' },
    ]
    expect(familiesOf({ eth0 })).toEqual({ ip4: true, ip6: false })
    expect(familiesOf({ lo: [{ family: 'IPv6', address: '::1' }] })).toEqual({ ip4: false, ip6: true })
  })
})
