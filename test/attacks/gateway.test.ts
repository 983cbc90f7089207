import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults } from '@agent-mesh/cli'
import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'

let at: GatewayMesh
let token: string
beforeAll(async () => {
  at = await GatewayMesh.start()
  token = await at.token('grafana', 'service:math.*')
})
afterAll(() => at.stop())

const add = (more: Record<string, unknown>, by = token) =>
  at.ask('/v1/call/math/add', { ...jsonBody(by, { a: 1, b: 2 }), ...more })

it.each([
  ['a page of another site (fetch)', { origin: 'https://evil.example' }, 403],
  ['a page of another port of this machine', { origin: 'http://127.0.0.1:1' }, 403],
  ['a sandboxed frame', { origin: 'null' }, 403],
  ['a page, by an image or a link', { 'sec-fetch-site': 'cross-site' }, 403],
  ['a page of the same site', { 'sec-fetch-site': 'same-site' }, 403],
  ['a rebound name (DNS rebinding)', { host: 'evil.example:80' }, 403],
  ['a name that only looks like this machine', { host: 'localhost.evil.example' }, 403],
  ['a program without a token', { authorization: '' }, 401],
  ['a token in the form of another', { authorization: 'Basic YTpi' }, 401],
  ['a token that is a path', { authorization: 'Bearer amg1.../../identity.' }, 401],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['a form with a file', { 'content-type': 'multipart/form-data; boundary=x' }, 415],
  ['a plain fetch', { 'content-type': 'text/plain' }, 415],
])('%s is refused', async (_, headers, status) => {
  const answer = await add(headers)
  expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/problem+json'])
  expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  expect((await add({})).status).toBe(200)
})

it('a request is refused before its body has come', async () => {
  const socket = connect(at.port, '127.0.0.1')
  socket.write(
    `POST /v1/call/math/add HTTP/1.1\r\nHost: 127.0.0.1:${at.port}\r\nContent-Length: 1000000\r\n\r\n`,
  )
  const [head] = (await once(socket, 'data')) as [Buffer]
  expect(head.toString()).toMatch(/^HTTP\/1\.1 401 /)
  socket.destroy()
})

it('a call outside of the scope of a token is refused and on record here, whatever the policy grants', async () => {
  const narrow = await at.token('narrow', 'service:other.*')
  const answer = await add({}, narrow)
  expect([answer.status, answer.json()['code']]).toEqual([403, 'permission_denied'])
  await vi.waitFor(async () => {
    const denied = (await at.denials('desk')).find(({ detail }) => detail?.['app'] === 'narrow')
    expect(denied?.detail).toEqual({ app: 'narrow', by: 'scope', action: 'call', target: 'service:math.add' })
  }, 20_000)
})

it('a call outside of the policy is refused and on record at both ends, whatever the scope of a token has', async () => {
  const wide = await at.token('wide', 'service:*')
  const answer = await at.ask('/v1/call/vault/open', jsonBody(wide, null))
  expect([answer.status, answer.json()['code']]).toEqual([403, 'permission_denied'])
  const target = 'service:vault.open'
  await vi.waitFor(async () => {
    const here = (await at.denials('desk')).find(({ detail }) => detail?.['app'] === 'wide')
    expect(here?.detail).toEqual({ app: 'wide', by: 'policy', action: 'call', target })
    const there = (await at.denials('server')).find(({ detail }) => detail?.['app'] === 'wide')
    expect(there).toMatchObject({ who: at.desk.peerId, detail: { name: 'desk', action: 'call', target } })
  }, 20_000)
})

it('one program has so many requests in flight, others have room, and a closed connection cancels its call', async () => {
  const greedy = await at.token('greedy', 'service:math.*')
  const path = `http://127.0.0.1:${at.port}/v1/call/math/hang`
  const left = new AbortController()
  const { body, ...headers } = jsonBody(greedy, null)
  const sent = Array.from({ length: gatewayDefaults.requestsOfToken + 10 }, () =>
    fetch(path, { method: 'POST', body, headers, signal: left.signal }).then(
      ({ status }) => status,
      () => 0,
    ),
  )
  await vi.waitFor(() => expect(at.hanging.size).toBe(gatewayDefaults.requestsOfToken), 20_000)
  expect((await add({})).status).toBe(200)
  left.abort()
  const statuses = await Promise.all(sent)
  expect(statuses.filter(status => status !== 0)).toEqual(Array.from({ length: 10 }, () => 429))
  await vi.waitFor(() => expect(at.hanging.size).toBe(0), 20_000)
  expect((await add({}, greedy)).status).toBe(200)
})

it('a head that comes byte by byte ends, and takes no room from others', { timeout: 60_000 }, async () => {
  const slow = connect(at.port, '127.0.0.1')
  const silent = connect(at.port, '127.0.0.1')
  for (const socket of [slow, silent]) socket.on('error', () => {})
  slow.write('POST /v1/call/math/add HTTP/1.1\r\n')
  const dripping = setInterval(() => slow.write('X'), 200)
  const closed = Promise.all([slow, silent].map(socket => once(socket.resume(), 'close')))
  expect((await add({})).status).toBe(200)
  await closed
  clearInterval(dripping)
})
