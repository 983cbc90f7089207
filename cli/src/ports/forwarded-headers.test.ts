import { expect, it } from 'vitest'

import { replyHeaders, requestHeaders } from './forwarded-headers.ts'

const caller = { sub: '12D3KooWA', name: 'laptop', roles: ['agent', 'ops'], tags: [] }
const own = ['Mesh-Peer', '12D3KooWA', 'Mesh-Name', 'laptop', 'Mesh-Roles', 'agent,ops']

it.each([
  'Mesh-Name',
  'mesh_name',
  'MESH-ROLES',
  'Forwarded',
  'X-Forwarded-For',
  'x_forwarded_for',
  'Mesh-New',
])('a request cannot say with %s who sent it', header => {
  expect(requestHeaders(['Accept', '*/*', header, 'admin'], caller)).toEqual(['Accept', '*/*', ...own])
})

it('headers of a connection end with it, also those that it names; repeated ones stay in order', () => {
  const raw = ['Connection', 'keep-alive, X-Hop', 'x-hop', '1', 'Keep-Alive', 'timeout=5', 'TE', 'trailers']
  const kept = ['Cookie', 'a=1', 'Transfer-Encoding', 'chunked', 'Cookie', 'b=2']
  expect(requestHeaders([...raw, ...kept], caller)).toEqual([...kept, ...own])
  expect(replyHeaders([...raw, 'Set-Cookie', 'a', 'Set-Cookie', 'b', 'Mesh-Peer', 'x'])).toEqual([
    ...['Set-Cookie', 'a', 'Set-Cookie', 'b', 'Mesh-Peer', 'x'],
  ])
})
