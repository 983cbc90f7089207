import { expect, it } from 'vitest'
import { observedFrom, type Observation } from './observed-addresses.ts'

const seen = (relayId: string, addr: string, localPort = 21_000): Observation => ({
  relayId,
  addr,
  localPort,
})
const public1 = '/ip4/45.45.45.2/tcp/31000'
const public2 = '/ip4/45.45.45.2/tcp/31001'

it.each([
  ['nobody says anything', [], { localPort: undefined, mapping: 'unknown', addrs: [] }],
  ['one relay speaks', [seen('a', public1)], { localPort: 21_000, mapping: 'unknown', addrs: [public1] }],
  [
    'two relays see the same',
    [seen('a', public1), seen('b', public1)],
    { localPort: 21_000, mapping: 'stable', addrs: [public1] },
  ],
  [
    'two relays see different ports',
    [seen('a', public1), seen('b', public2)],
    { localPort: 21_000, mapping: 'varies', addrs: [public2] },
  ],
  [
    'one relay is on the own network: its word cannot be compared',
    [seen('a', '/ip4/192.168.1.2/tcp/21000'), seen('b', public1)],
    { localPort: 21_000, mapping: 'unknown', addrs: [public1, '/ip4/192.168.1.2/tcp/21000'] },
  ],
  [
    'relays were dialled from different ports: the newest counts',
    [seen('a', public1, 21_000), seen('b', public2, 22_000)],
    { localPort: 22_000, mapping: 'unknown', addrs: [public2] },
  ],
  [
    'both families are seen',
    [seen('a', public1), seen('b', '/ip6/2a00::1/tcp/21000')],
    { localPort: 21_000, mapping: 'unknown', addrs: [public1, '/ip6/2a00::1/tcp/21000'] },
  ],
  [
    'what is seen is no address to meet at',
    [seen('a', '/ip4/45.45.45.2/tcp/80'), seen('b', `${public1}/ws`)],
    {
      localPort: undefined,
      mapping: 'unknown',
      addrs: [],
    },
  ],
] as const)('%s', (_name, observations, expected) => {
  expect(observedFrom(observations)).toEqual(expected)
})
