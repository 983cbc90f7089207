import { limits } from '@agent-mesh/protocol'
import { expect, test } from 'vitest'
import type { Interfaces } from '../transport/index.ts'
import { listedAddresses } from './listed-addresses.ts'

const tcp = (host: string) => `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/4001`
const info = (address: string) => ({
  address,
  cidr: `${address}/24`,
  family: 'IPv4' as const,
  internal: false,
})
const host: Interfaces = {
  eth0: [info('192.168.1.20')],
  docker0: [info('172.17.0.1')],
  'br-0123456789ab': [info('172.18.0.1')],
  veth12: [info('10.7.0.1')],
}

test.each([
  ['loopback only where there is nothing else', ['127.0.0.1', '::1'], ['127.0.0.1', '::1']],
  ['no loopback beside addresses others can reach', ['127.0.0.1', '192.0.2.7'], ['192.0.2.7']],
  ['nothing that one link alone reaches', ['fe80::1', '169.254.3.4', '192.0.2.7'], ['192.0.2.7']],
  ['no wildcard', ['0.0.0.0', '::', '2001:db8::7'], ['2001:db8::7']],
  ['an address once', ['192.0.2.7', '192.0.2.7'], ['192.0.2.7']],
  [
    'the Internet before a private network',
    ['10.0.0.1', 'fd00::1', '192.0.2.7'],
    ['192.0.2.7', '10.0.0.1', 'fd00::1'],
  ],
  ['no bridge to containers', ['172.17.0.1', '172.18.0.1', '10.7.0.1', '192.168.1.20'], ['192.168.1.20']],
  ['nothing of nothing', [], []],
])('a record lists %s', (_, listened, listed) => {
  expect(listedAddresses(listened.map(tcp), host)).toEqual(listed.map(tcp))
})

test('a record lists names, WebSockets and STUN as they are announced', () => {
  const announced = [
    '/dns4/relay.example/tcp/443/wss',
    '/ip4/192.0.2.7/udp/3478',
    '/ip4/192.0.2.7/tcp/443/ws',
  ]
  expect(listedAddresses(announced, host).toSorted()).toEqual(announced.toSorted())
})

test('a record of a container lists its address, as there is no other', () => {
  expect(listedAddresses([tcp('10.7.0.1')], { veth12: [info('10.7.0.1')] })).toEqual([tcp('10.7.0.1')])
})

test('a record lists as many addresses as it may', () => {
  const many = Array.from({ length: limits.addrs + 5 }, (_, i) => tcp(`192.0.2.${i + 1}`))
  expect(listedAddresses(many, host)).toEqual(many.slice(0, limits.addrs))
})
