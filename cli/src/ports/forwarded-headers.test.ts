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

it.each(['Content-Length', 'Transfer-Encoding', 'Host'])(
  'a connection cannot take %s from its message',
  header => {
    const raw = ['Connection', `close, ${header.toLowerCase()}`, header, 'chunked']
    expect(replyHeaders(raw)).toEqual([header, 'chunked'])
  },
)

it('no trailer is announced, as none is passed on; the length of the body comes last', () => {
  const name = ['Content-Disposition', 'attachment; filename="\u00e6\u0097\u00a5"']
  expect(replyHeaders(['Content-Length', '2', 'Trailer', 'x-end', ...name])).toEqual([
    ...name,
    ...['Content-Length', '2'],
  ])
})
