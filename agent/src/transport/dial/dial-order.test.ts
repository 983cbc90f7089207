import { describe, expect, test } from 'vitest'
import { dialOrder, outward, type Interfaces } from './dial-order.ts'

const info = (cidr: string, internal = false) => ({
  address: cidr.replace(/\/.*/, ''),
  cidr,
  family: cidr.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
  internal,
})
const lo = [info('127.0.0.1/8', true), info('::1/128', true)]
const home: Interfaces = { lo, eth0: [info('192.168.1.20/24')] }
const dual: Interfaces = { lo, eth0: [info('192.168.1.20/24'), info('2001:db8:1::2/64'), info('fe80::1/64')] }
const docker: Interfaces = {
  ...home,
  docker0: [info('172.17.0.1/16')],
  'br-0123456789ab': [info('172.18.0.1/16')],
}
const inContainer: Interfaces = { lo, veth1: [info('10.5.0.2/24')] }
const six: Interfaces = { lo, eth0: [info('2001:db8:1::2/64')] }
const local6: Interfaces = { lo, eth0: [info('10.0.0.2/24'), info('fd00:1::2/64')] }
const alone: Interfaces = { lo }

const tcp = (host: string) => `/ip${host.includes(':') ? 6 : 4}/${host}/tcp/4001`
const ws = (host: string) => `${tcp(host)}/ws`

describe('addresses of a peer are dialled', () => {
  test.each<[string, Interfaces, string[], string[]]>([
    [
      'same subnet, Internet, other networks',
      home,
      [tcp('10.9.9.9'), tcp('192.0.2.1'), tcp('192.168.1.30')],
      [tcp('192.168.1.30'), tcp('192.0.2.1'), tcp('10.9.9.9')],
    ],
    [
      'both families of the Internet in turn',
      dual,
      [tcp('192.0.2.1'), tcp('192.0.2.2'), tcp('2001:db8::1'), tcp('2001:db8::2')],
      [tcp('2001:db8::1'), tcp('192.0.2.1'), tcp('2001:db8::2'), tcp('192.0.2.2')],
    ],
    [
      'TCP before WebSockets, these before other networks',
      home,
      [ws('192.0.2.1'), tcp('10.9.9.9'), tcp('192.0.2.1')],
      [tcp('192.0.2.1'), ws('192.0.2.1'), tcp('10.9.9.9')],
    ],
    [
      'names like the Internet',
      home,
      [tcp('10.9.9.9'), '/dns4/a.example/tcp/1'],
      ['/dns4/a.example/tcp/1', tcp('10.9.9.9')],
    ],
    ['not on loopback when there are others', home, [tcp('127.0.0.1'), tcp('192.0.2.1')], [tcp('192.0.2.1')]],
    [
      'on loopback when there is nothing else',
      home,
      [tcp('127.0.0.1'), tcp('::1')],
      [tcp('::1'), tcp('127.0.0.1')],
    ],
    ['on loopback by a host that has nothing else', alone, [tcp('127.0.0.1')], [tcp('127.0.0.1')]],
    [
      'with the own bridge to containers as another network',
      docker,
      [tcp('172.17.0.1'), tcp('192.0.2.1')],
      [tcp('192.0.2.1'), tcp('172.17.0.1')],
    ],
    [
      'from inside of a container as from any host',
      inContainer,
      [tcp('192.0.2.1'), tcp('10.5.0.3')],
      [tcp('10.5.0.3'), tcp('192.0.2.1')],
    ],
    ['not over IPv6 without a route', home, [tcp('2001:db8::1'), tcp('192.0.2.1')], [tcp('192.0.2.1')]],
    ['over IPv6 alone', six, [tcp('192.0.2.1'), tcp('2001:db8::1')], [tcp('2001:db8::1')]],
    [
      'last on the IPv6 Internet from a local network',
      local6,
      [tcp('2001:db8::1'), tcp('192.0.2.1')],
      [tcp('192.0.2.1'), tcp('2001:db8::1')],
    ],
    ['each once', home, [tcp('192.0.2.1'), tcp('192.0.2.1')], [tcp('192.0.2.1')]],
    [
      'only where one host is',
      home,
      [tcp('0.0.0.0'), tcp('169.254.1.1'), tcp('224.0.0.251'), tcp('fe80::1'), '/ip4/192.0.2.1/udp/3478'],
      [],
    ],
    ['only where they are addresses', home, ['nonsense', '/ip4/::1/tcp/1', '/ip6/192.0.2.1/tcp/1'], []],
    ['not at all by a host without network', alone, [tcp('192.0.2.1')], []],
  ])('%s', (_, interfaces, addrs, order) => {
    expect(dialOrder(addrs, interfaces)).toEqual(order)
  })

  test('a few at most, the useful ones', () => {
    const foreign = Array.from({ length: 20 }, (_, i) => tcp(`10.9.0.${i + 1}`))
    const order = dialOrder([...foreign, tcp('192.0.2.1')], home)
    expect(order).toHaveLength(8)
    expect(order[0]).toBe(tcp('192.0.2.1'))
  })
})

test('bridges to containers are no way to this host, unless it has no other', () => {
  expect(outward(docker).map(({ address }) => address)).toEqual(['192.168.1.20'])
  expect(outward(inContainer).map(({ address }) => address)).toEqual(['10.5.0.2'])
})
