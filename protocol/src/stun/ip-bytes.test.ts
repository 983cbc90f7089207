import { expect, it } from 'vitest'
import { ipBytes, ipText } from './ip-bytes.ts'

it.each([
  ['192.0.2.1', 'c0000201', '192.0.2.1'],
  ['::', '00000000000000000000000000000000', '::'],
  ['::1', '00000000000000000000000000000001', '::1'],
  ['fe80::1%eth0', 'fe800000000000000000000000000001', 'fe80::1'],
  ['2001:db8::ff00:42:8329', '20010db8000000000000ff0000428329', '2001:db8::ff00:42:8329'],
  ['2001:DB8:0:0:1:0:0:1', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201', '::ffff:c000:201'],
])('the bytes of %s are %s, and their text is %s', (address, hex, text) => {
  expect(Buffer.from(ipBytes(address)).toString('hex')).toBe(hex)
  expect(ipText(ipBytes(address))).toBe(text)
})
