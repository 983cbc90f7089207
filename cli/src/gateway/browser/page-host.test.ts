import { expect, it } from 'vitest'

import { isPageHost, pageHost, pagePort } from './page-host.ts'

it.each([
  ['grafana.web-1.mesh.localhost:8441', '8441', { port: 'grafana', peer: 'web-1' }],
  ['8080.web-1.mesh.localhost:8441', '8441', { port: '8080', peer: 'web-1' }],
  ['a.b_c.web-1.mesh.localhost', '', { port: 'a.b_c', peer: 'web-1' }],
])('%s is a port of a member, and the address of it', (host, gatewayPort, to) => {
  expect(isPageHost(host)).toBe(true)
  expect(pagePort(host, gatewayPort)).toEqual(to)
  expect(pageHost(to, gatewayPort)).toBe(host)
})

it.each([
  'web-1.mesh.localhost:8441',
  'grafana.web-1.mesh.localhost:8442',
  'grafana.web-1.mesh.localhost',
  'grafana.web-1.mesh.localhost.:8441',
  'Grafana.web-1.mesh.localhost:8441',
  '.web-1.mesh.localhost:8441',
  '-.web-1.mesh.localhost:8441',
  'grafana..mesh.localhost:8441',
  'grafana.-web.mesh.localhost:8441',
  'evil.example, grafana.web-1.mesh.localhost:8441',
  'me@grafana.web-1.mesh.localhost:8441',
])('%s is refused', host => {
  expect(isPageHost(host)).toBe(true)
  expect(() => pagePort(host, '8441')).toThrow(/^Cannot /)
})

it.each([
  undefined,
  '',
  '127.0.0.1:8441',
  'localhost:8441',
  'mesh.localhost:8441',
  'grafana.web-1.mesh.localhost.evil.example:8441',
  'xmesh.localhost:8441',
])('%s is left to the other routes of the gateway', host => {
  expect(isPageHost(host)).toBe(false)
})

it('a member that is given by its peer id has no address', () => {
  const peer = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
  expect(() => pageHost({ peer, port: 'grafana' }, '8441')).toThrow('addresses have names of members')
})
