import { limits } from '@agent-mesh/protocol'
import { expect, test } from 'vitest'
import { listedAddresses } from './listed-addresses.ts'

const tcp = (host: string) => `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/4001`

test.each([
  ['loopback only where there is nothing else', ['127.0.0.1', '::1'], ['127.0.0.1', '::1']],
  ['no loopback beside addresses others can reach', ['127.0.0.1', '192.0.2.7'], ['192.0.2.7']],
  ['nothing that one link alone reaches', ['fe80::1', '169.254.3.4', '192.0.2.7'], ['192.0.2.7']],
  ['no wildcard', ['0.0.0.0', '::', '2001:db8::7'], ['2001:db8::7']],
  ['an address once', ['192.0.2.7', '192.0.2.7'], ['192.0.2.7']],
  ['nothing of nothing', [], []],
])('a record lists %s', (_, listened, listed) => {
  expect(listedAddresses(listened.map(tcp))).toEqual(listed.map(tcp))
})

test('a record lists as many addresses as it may', () => {
  const many = Array.from({ length: limits.addrs + 5 }, (_, i) => tcp(`192.0.2.${i + 1}`))
  expect(listedAddresses(many)).toEqual(many.slice(0, limits.addrs))
})
