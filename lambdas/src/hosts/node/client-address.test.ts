import { describe, expect, test } from 'vitest'
import { carriesMany, clientAddress } from './client-address.ts'
import { parseTrustedProxies } from './trusted-proxies.ts'

interface Sent {
  from: string
  xff?: string
  forwarded?: string
}

const sender = ({ from, xff, forwarded }: Sent, proxies?: string) =>
  clientAddress(
    {
      socket: { remoteAddress: from } as never,
      headers: {
        ...(xff === undefined ? {} : { 'x-forwarded-for': xff }),
        ...(forwarded === undefined ? {} : { forwarded }),
      },
    },
    proxies === undefined ? undefined : parseTrustedProxies(proxies),
  )

describe('clientAddress()', () => {
  test.each<[string, Sent, string | undefined, string | undefined]>([
    [
      'believes no header when no proxy is declared',
      { from: '192.0.2.1', xff: '203.0.113.9' },
      undefined,
      '192.0.2.1',
    ],
    ['does not limit this machine', { from: '::ffff:127.0.0.1' }, undefined, undefined],
    ['reads IPv4 in IPv6 as IPv4', { from: '::ffff:192.0.2.1' }, undefined, '192.0.2.1'],
    [
      'takes the last word through one proxy',
      { from: '10.0.0.1', xff: '6.6.6.6, 203.0.113.9' },
      '1',
      '203.0.113.9',
    ],
    [
      'takes the last but one through two',
      { from: '10.0.0.1', xff: '6.6.6.6, 203.0.113.9, 10.0.0.2' },
      '2',
      '203.0.113.9',
    ],
    [
      'takes the first where the list is shorter',
      { from: '10.0.0.1', xff: '203.0.113.9' },
      '3',
      '203.0.113.9',
    ],
    [
      'walks over trusted networks alone',
      { from: '10.0.0.1', xff: '6.6.6.6, 203.0.113.9, 10.9.0.2' },
      '10.0.0.0/8',
      '203.0.113.9',
    ],
    [
      'believes nobody outside of the networks',
      { from: '192.0.2.1', xff: '203.0.113.9' },
      '10.0.0.0/8',
      '192.0.2.1',
    ],
    [
      'takes a proxy on this machine',
      { from: '127.0.0.1', xff: '203.0.113.9' },
      '127.0.0.1,::1',
      '203.0.113.9',
    ],
    [
      'trusts by IPv6 network',
      { from: '2001:db8::1', xff: '2001:db8:f::9' },
      '2001:db8::/64',
      '2001:db8:f::9',
    ],
    ['takes an address with a port', { from: '10.0.0.1', xff: '203.0.113.9:5678' }, '1', '203.0.113.9'],
    ['takes IPv6 with a port', { from: '10.0.0.1', xff: '[2001:db8::9]:5678' }, '1', '2001:db8::9'],
    [
      'reads Forwarded',
      { from: '10.0.0.1', forwarded: 'for=6.6.6.6, For="[2001:db8::9]:47";proto=https' },
      '1',
      '2001:db8::9',
    ],
    [
      'counts what is no address for the proxy',
      { from: '10.0.0.1', xff: '203.0.113.9, unknown' },
      '1',
      '10.0.0.1',
    ],
    [
      'counts an obfuscated sender for the proxy',
      { from: '10.0.0.1', forwarded: 'for=_hidden' },
      '1',
      '10.0.0.1',
    ],
    [
      'takes both headers that agree',
      { from: '10.0.0.1', xff: '203.0.113.9', forwarded: 'for=203.0.113.9' },
      '1',
      '203.0.113.9',
    ],
    [
      'believes neither of two that differ',
      { from: '127.0.0.1', xff: '203.0.113.9', forwarded: 'for=6.6.6.6' },
      '1',
      '127.0.0.1',
    ],
    [
      'takes no sender for this machine because it says so',
      { from: '10.0.0.1', xff: '127.0.0.1' },
      '1',
      '127.0.0.1',
    ],
    ['without a header it is the connection', { from: '192.0.2.1' }, '1', '192.0.2.1'],
  ])('%s', (_, sent, proxies, address) => expect(sender(sent, proxies)).toBe(address))
})

describe('carriesMany()', () => {
  test.each<[string, string | undefined, boolean]>([
    ['127.0.0.1', undefined, true],
    ['192.0.2.1', undefined, false],
    ['192.0.2.1', '1', true],
    ['10.1.2.3', '10.0.0.0/8', true],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['192.0.2.1', '10.0.0.0/8', false],
  ])('of %s behind %s is %s', (address, proxies, many) =>
    expect(carriesMany(address, proxies === undefined ? undefined : parseTrustedProxies(proxies))).toBe(many),
  )
})

describe('parseTrustedProxies()', () => {
  test.each([
    '0',
    '17',
    '-1',
    '1.5',
    'yes',
    '',
    '10.0.0.0/33',
    '2001:db8::/129',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/8,',
    '10.0.0/8',
    'example.com',
  ])('refuses %j', text => expect(() => parseTrustedProxies(text)).toThrow(/^Cannot trust proxies /))
})
