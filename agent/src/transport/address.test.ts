import { describe, expect, it } from 'vitest'
import { circuitAddr, partsOf, pathOf, relayOf, scopeOf, withoutPeer, withPeer } from './address.ts'

const relay = '12D3KooWRelay'

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
    ['/ip4/192.0.2.1/tcp/4001', { kind: 'ip4', host: '192.0.2.1', port: 4001, over: 'tcp' }],
    ['/ip6/2001:DB8::1/tcp/1/p2p/X', { kind: 'ip6', host: '2001:db8::1', port: 1, over: 'tcp' }],
    ['/ip4/192.0.2.1/tcp/443/ws', { kind: 'ip4', host: '192.0.2.1', port: 443, over: 'ws' }],
    ['/dns4/relay.example/tcp/443/wss', { kind: 'dns4', host: 'relay.example', port: 443, over: 'wss' }],
    [
      '/dns/relay.example/tcp/443/tls/ws/p2p/X',
      { kind: 'dns', host: 'relay.example', port: 443, over: 'wss' },
    ],
    ['/ip4/192.0.2.1/tcp/0', undefined],
    ['/ip4/192.0.2.1/tcp/65536', undefined],
    ['/ip4/192.0.2.1/udp/3478', undefined],
    ['/ip4/192.0.2.1/udp/4001/quic-v1', undefined],
    [`/ip4/192.0.2.1/tcp/443/ws/p2p/${relay}/p2p-circuit/p2p/X`, undefined],
    ['nonsense', undefined],
  ])('%s is made of %o', (addr, parts) => {
    expect(partsOf(addr)).toEqual(parts)
  })

  it.each([
    ['127.8.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.31.0.1', 'private'],
    ['172.32.0.1', 'public'],
    ['100.64.0.1', 'private'],
    ['fd00::1', 'private'],
    ['2001:db8::1', 'public'],
    ['45.45.45.1', 'public'],
    ['0.0.0.0', 'none'],
    ['::', 'none'],
    ['169.254.1.1', 'none'],
    ['224.0.0.251', 'none'],
    ['255.255.255.255', 'none'],
    ['fe80::1', 'none'],
    ['ff02::fb', 'none'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:169.254.169.254', 'none'],
    ['relay.example', 'none'],
  ])('%s leads to %s', (host, scope) => {
    expect(scopeOf(host)).toBe(scope)
  })
})
