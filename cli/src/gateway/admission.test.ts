import { expect, it } from 'vitest'

import type { GatewayToken } from './gateway-tokens.ts'
import { admit, hostsOf } from './admission.ts'

it.each([
  ['http://127.0.0.1:8441', ['127.0.0.1:8441', '[::1]:8441', 'localhost:8441']],
  ['http://127.0.0.2:8441', ['127.0.0.1:8441', '127.0.0.2:8441', '[::1]:8441', 'localhost:8441']],
  // Clients leave the port of HTTP out.
  ['http://[::1]:80', ['127.0.0.1', '127.0.0.1:80', '[::1]', '[::1]:80', 'localhost', 'localhost:80']],
])('a gateway at %s is asked for by the names of this machine, with its port', (url, names) => {
  expect([...hostsOf(url)].sort()).toEqual(names)
})

it.each([
  ['application/json; charset=utf-8', undefined],
  ['application/json;charset="UTF-8"', undefined],
  ['application/x-ndjson; charset=us-ascii', undefined],
  ['application/octet-stream; charset=binary', undefined],
  ['application/json; charset=iso-8859-1', 415],
  ['application/json; version=1; Charset="UTF-16"', 415],
])('a body of %s is read as UTF-8, or refused: %s', (type, status) => {
  const tokens = { authenticate: () => ({}) as GatewayToken }
  const headers = { host: 'localhost:1', authorization: 'Bearer x', 'content-type': type }
  const admitted = admit({ tokens, hosts: new Set(['localhost:1']) }, { method: 'POST', headers })
  expect('refusal' in admitted ? admitted.refusal.status : undefined).toBe(status)
})
