import { describe, expect, it } from 'vitest'
import type { Interfaces } from '../dial/dial-order.ts'
import { dialableOf, localAddresses, type Place } from './offered-addresses.ts'

const eth0 = { address: '192.168.1.2', family: 'IPv4', internal: false, cidr: '192.168.1.2/24' } as const
const interfaces: Interfaces = { eth0: [eth0] }
const home: Place = { observed: ['/ip4/45.45.45.2/tcp/31000'], interfaces }
const nothing = { observed: [], local: [], listen: [] }
const sameNat = ['/ip4/45.45.45.2/tcp/31500']

describe('addresses to meet at', () => {
  it.each([
    ['a public one', home, { observed: ['/ip4/45.45.45.3/tcp/31000'] }, ['/ip4/45.45.45.3/tcp/31000']],
    ['a service port', home, { observed: ['/ip4/45.45.45.3/tcp/443'] }, []],
    ['a name', home, { observed: ['/dns4/victim.example/tcp/31000'] }, []],
    ['a WebSocket', home, { observed: ['/ip4/45.45.45.3/tcp/31000/ws'] }, []],
    ['UDP', home, { observed: ['/ip4/45.45.45.3/udp/31000'] }, []],
    ['loopback', home, { observed: ['/ip4/127.0.0.1/tcp/31000'], local: ['/ip6/::1/tcp/31000'] }, []],
    [
      'link-local',
      home,
      { observed: ['/ip4/169.254.169.254/tcp/8080'], local: ['/ip6/fe80::1/tcp/31000'] },
      [],
    ],
    [
      'multicast and broadcast',
      home,
      { observed: ['/ip4/224.0.0.1/tcp/31000', '/ip4/255.255.255.255/tcp/31000'] },
      [],
    ],
    [
      'another private network',
      home,
      { observed: ['/ip4/10.0.0.9/tcp/31000'], local: ['/ip4/192.168.2.9/tcp/31000'] },
      [],
    ],
    [
      'the own subnet, behind another NAT',
      home,
      { observed: ['/ip4/45.45.45.9/tcp/31000'], local: ['/ip4/192.168.1.9/tcp/31000'] },
      ['/ip4/45.45.45.9/tcp/31000'],
    ],
    [
      'the own subnet, behind the same NAT',
      home,
      { observed: sameNat, local: ['/ip4/192.168.1.9/tcp/31000'] },
      [...sameNat, '/ip4/192.168.1.9/tcp/31000'],
    ],
    [
      'a private network that a relay is on',
      { observed: ['/ip4/10.1.0.2/tcp/31000'], interfaces },
      { observed: ['/ip4/10.2.0.9/tcp/31000'] },
      ['/ip4/10.2.0.9/tcp/31000'],
    ],
    [
      'loopback in a mesh on one machine',
      { observed: ['/ip4/127.0.0.1/tcp/31000'], interfaces },
      { observed: ['/ip4/127.0.0.1/tcp/31500'] },
      ['/ip4/127.0.0.1/tcp/31500'],
    ],
  ])('%s', (_name, own, offer, expected) => {
    expect(dialableOf({ ...nothing, ...offer }, own).punch).toEqual(expected)
  })
})

it('of listening addresses few are dialled, foreign private ones never', () => {
  const listen = [
    '/ip4/10.0.0.1/tcp/4001',
    '/ip4/192.168.1.7/tcp/4001',
    ...[1, 2, 3, 4, 5, 6].map(i => `/ip4/45.45.45.${i}/tcp/443`),
  ]
  expect(dialableOf({ ...nothing, listen }, home).listen).toEqual(listen.slice(1, 5))
})

it('the own port is offered on real networks, and on loopback only in a mesh on one machine', () => {
  expect(localAddresses(21_000, home)).toEqual(['/ip4/192.168.1.2/tcp/21000'])
  const local: Place = { observed: ['/ip4/127.0.0.1/tcp/21000'], interfaces: {} }
  expect(localAddresses(21_000, local)).toEqual(['/ip4/127.0.0.1/tcp/21000'])
})
