import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { refusal } from '../../../../test/support/refusal.ts'
import { viewerAddress, viewerProxyOf } from './viewer-address.ts'

const secret = 'a secret of the proxy'
const sha256 = createHash('sha256').update(secret).digest('hex')
const proxy = viewerProxyOf('CloudFront-Viewer-Address', sha256)
const passed = { 'mesh-proxy-secret': secret, 'cloudfront-viewer-address': '198.51.100.10:46532' }

it('the viewer of a request that the proxy passed on is the source', () => {
  expect(viewerAddress(passed, '192.0.2.1', proxy)).toBe('198.51.100.10')
})

it.each([
  ['without the secret', { ...passed, 'mesh-proxy-secret': undefined }],
  ['with another secret', { ...passed, 'mesh-proxy-secret': 'guessed' }],
  ['with an empty secret', { ...passed, 'mesh-proxy-secret': '' }],
  ['without an address', { ...passed, 'cloudfront-viewer-address': undefined }],
  ['with a list of addresses', { ...passed, 'cloudfront-viewer-address': '198.51.100.10, 192.0.2.1' }],
  ['with something else as address', { ...passed, 'cloudfront-viewer-address': 'unknown' }],
])('a request %s counts for the address of its connection', (_, headers) => {
  expect(viewerAddress(headers, '192.0.2.1', proxy)).toBe('192.0.2.1')
})

it('a header of a viewer says nothing where no proxy was set', () => {
  expect(viewerAddress(passed, '192.0.2.1', viewerProxyOf('', ''))).toBe('192.0.2.1')
})

it.each([
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['2001:db8:0:1:2:3:4:5:46532', '2001:db8:0:1:2:3:4:5'],
  ['::ffff:198.51.100.10', '198.51.100.10'],
])('reads %s', (written, address) => {
  const headers = { 'Mesh-Proxy-Secret': secret, 'CloudFront-Viewer-Address': written }
  expect(viewerAddress(headers, '192.0.2.1', proxy)).toBe(address)
})

it.each([
  ['a header without a secret', 'cf-connecting-ip', ''],
  ['a secret without a header', '', sha256],
  ['a header that is none', 'two words', sha256],
  ['a secret in clear', 'cf-connecting-ip', secret],
])('refuses %s', async (_, header, hash) => {
  expect(await refusal(() => viewerProxyOf(header, hash))).toMatch(/^invalid_argument: /)
})
