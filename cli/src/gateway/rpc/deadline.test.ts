import { expect, it } from 'vitest'

import { gatewayDefaults } from '../defaults.ts'
import { capDeadline } from './deadline.ts'

const capped = (headers: Record<string, string>) => {
  capDeadline(headers, gatewayDefaults.rpcTimeoutMs)
  return headers
}

it.each([
  ['grpc-timeout', '99999999H', '2147483S'],
  ['grpc-timeout', '597H', '2147483S'],
  ['grpc-timeout', '35792M', '2147483S'],
  ['connect-timeout-ms', '9999999999', '2147483647'],
])('%s: %s becomes the longest', (name, long, longest) => {
  expect(capped({ [name]: long })).toEqual({ [name]: longest })
})

it.each([
  ['grpc-timeout', '596H'],
  ['grpc-timeout', '99999999m'],
  ['grpc-timeout', '0n'],
  ['connect-timeout-ms', '2147483647'],
  // Errors, which the library has.
  ['grpc-timeout', '999999999H'],
  ['grpc-timeout', 'soon'],
  ['connect-timeout-ms', '1e99'],
])('%s: %s stays', (name, timeout) => {
  expect(capped({ [name]: timeout })).toEqual({ [name]: timeout })
})

it('without one there is none', () => expect(capped({})).toEqual({}))
