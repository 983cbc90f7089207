import { describe, expect, it, test } from 'vitest'
import { natMapping } from './nat-mapping.ts'
import { bindingRequest, mappedAddressIn } from './stun-message.ts'

// RFC 5769, 2.2 and 2.3, without their keyed attributes.
const id = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex')
const response = (attributes: string) =>
  Buffer.from(
    `0101${(attributes.length / 2).toString(16).padStart(4, '0')}2112a442${id.toString('hex')}${attributes}`,
    'hex',
  )
const ip4 = '002000080001a147e112a643'
const ip6 = '002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9'

describe('a binding response', () => {
  it.each([
    ['IPv4', ip4, { host: '192.0.2.1', port: 32853 }],
    ['IPv6', ip6, { host: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 }],
    [
      'an attribute that nobody knows, and padding, before it',
      `8022000461626364${'802200016100000'}0${ip4}`,
      { host: '192.0.2.1', port: 32853 },
    ],
    ['the address of an older server', '000100080001805' + '5c0000201', { host: '192.0.2.1', port: 32853 }],
  ])('tells the address: %s', (_, attributes, address) => {
    expect(mappedAddressIn(response(attributes), id)).toEqual(address)
  })

  it.each([
    ['of another transaction', response(ip4), Buffer.alloc(12)],
    ['that is a request', bindingRequest(id), id],
    ['without an address', response(''), id],
    ['cut off', response(ip4).subarray(0, -1), id],
    ['with more behind it', Buffer.concat([response(ip4), Buffer.alloc(4)]), id],
    ['with an attribute longer than itself', response('0020ffff0001a147e112a643'), id],
    ['with a family that does not exist', response('002000080003a147e112a643'), id],
    ['with port 0', response('0020000800012112e112a643'), id],
    ['empty', Buffer.alloc(0), id],
  ])('is none: %s', (_, message, transaction) => {
    expect(mappedAddressIn(message, transaction)).toBeUndefined()
  })
})

test.each([
  ['blocked', []],
  ['open', [['a:1', '192.0.2.2', 5]]],
  ['one-server', [['a:1', '198.51.100.1', 5]]],
  [
    'one-server',
    [
      ['a:1', '198.51.100.1', 5],
      ['a:1', '198.51.100.1', 5],
    ],
  ],
  [
    'cone',
    [
      ['a:1', '198.51.100.1', 5],
      ['a:2', '198.51.100.1', 5],
    ],
  ],
  [
    'symmetric',
    [
      ['a:1', '198.51.100.1', 5],
      ['a:2', '198.51.100.1', 6],
    ],
  ],
  [
    'symmetric',
    [
      ['a:1', '198.51.100.1', 5],
      ['b:1', '198.51.100.2', 5],
    ],
  ],
] as const)('a NAT is %s by what %j saw', (mapping, seen) => {
  const answers = seen.map(([server, host, port]) => ({ server, mapped: { host, port } }))
  expect(natMapping(answers, ['192.0.2.2', '10.0.0.2'])).toBe(mapping)
})
