import { expect, it } from 'vitest'

import { hostsOf } from './admission.ts'

it.each([
  ['http://127.0.0.1:8441', ['127.0.0.1:8441', '[::1]:8441', 'localhost:8441']],
  ['http://127.0.0.2:8441', ['127.0.0.1:8441', '127.0.0.2:8441', '[::1]:8441', 'localhost:8441']],
  // Clients leave the port of HTTP out.
  ['http://[::1]:80', ['127.0.0.1', '127.0.0.1:80', '[::1]', '[::1]:80', 'localhost', 'localhost:80']],
])('a gateway at %s is asked for by the names of this machine, with its port', (url, names) => {
  expect([...hostsOf(url)].sort()).toEqual(names)
})
