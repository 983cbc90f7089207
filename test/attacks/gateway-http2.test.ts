/** What one client can take of the gateway over HTTP/2, with and without a token, and what it leaves to others. */
import { once } from 'node:events'
import { constants } from 'node:http2'
import { gzipSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults, meshRpcs } from '@agent-mesh/cli'
import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'
import { connectRaw, ended, framed, headOf, openRpc, trailersOf } from '../support/raw-rpc.ts'
import { json, servesOthers } from '../support/rpc-clients.ts'

const { CallRequestSchema, ReceiveRequestSchema, StreamRequestSchema } = await meshRpcs()
const { bodyBytes } = gatewayDefaults
const stream = '/agentmesh.v1.Mesh/Stream'
let at: GatewayMesh
let token: string
beforeAll(async () => {
  at = await GatewayMesh.start()
  token = await at.token('robot', 'service:math.*')
})
afterAll(() => at.stop())

const add = { method: 'math.add', params: json({ a: 1, b: 2 }) }
const called = (request: object) => framed(toBinary(CallRequestSchema, create(CallRequestSchema, request)))
const hang = called({ method: 'math.hang', peer: 'server' })
const open = framed(
  toBinary(
    StreamRequestSchema,
    create(StreamRequestSchema, {
      part: { case: 'open', value: create(ReceiveRequestSchema, { method: 'math.total' }) },
    }),
  ),
)

/** 256 MB in 256 KB. */
const bomb = framed(gzipSync(Buffer.alloc(256 * 1024 * 1024)), 1)

it.each([
  ['an RPC', {}],
  ['another request', { path: '/v1/call/math/add', headers: { 'content-type': 'application/json' } }],
])(
  '%s that is refused ends its connection, though its body is open and its reply is not read',
  async (_, of) => {
    const session = connectRaw(at.gateway.url, { settings: { initialWindowSize: 0 } })
    const closed = ended(session)
    openRpc(session, of).write('{')
    await closed
    await servesOthers(at)
  },
)

it('the address of a port is not served over HTTP/2', async () => {
  const session = connectRaw(at.gateway.url)
  const headers = { ':method': 'GET', ':authority': `web.server.mesh.localhost:${at.port}` }
  const page = { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  const head = await headOf(openRpc(session, { path: '/', headers: { ...headers, ...page } }))
  expect(head).toMatchObject({ ':status': 501, 'content-type': 'text/plain; charset=utf-8' })
  session.destroy()
})

it('a request that is answered ends, though its body is open', async () => {
  const session = connectRaw(at.gateway.url)
  const sent = openRpc(session, {
    path: '/v1/call/math/nothing',
    token,
    headers: { 'content-type': 'application/json', 'mesh-timeout': 'none' },
  })
  sent.write('{')
  await once(sent, 'close')
  expect(sent.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  // The others on it go on.
  const { body, ...headers } = jsonBody(token, { a: 1, b: 2 })
  const asked = session.request({ ':method': 'POST', ':path': '/v1/call/math/add', ...headers }).end(body)
  expect(Buffer.concat(await asked.toArray()).toString()).toBe('3')
  session.close()
})

it.each([
  ['one message', undefined],
  ['a message of a stream', stream],
])('what becomes too large in %s is refused, and takes no memory', async (_, path) => {
  expect(bomb.length).toBeLessThan(bodyBytes)
  const before = process.memoryUsage().rss
  const session = connectRaw(at.gateway.url)
  const sent = openRpc(session, {
    ...(path !== undefined && { path }),
    ...{ token, headers: { 'grpc-encoding': 'gzip' } },
  })
  const trailers = trailersOf(sent)
  if (path !== undefined) sent.write(open)
  sent.write(bomb)
  if (path === undefined) sent.end()
  expect(await trailers).toMatchObject({ 'grpc-status': '8' })
  expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(150)
  session.destroy()
})

it('a message that says that it is too large is refused before it has come', async () => {
  const session = connectRaw(at.gateway.url)
  const sent = openRpc(session, { path: stream, token })
  const trailers = trailersOf(sent)
  sent.write(Buffer.concat([open, framed(Buffer.alloc(1), 0, bodyBytes + 1)]))
  expect(await trailers).toMatchObject({ 'grpc-status': '8' })
  session.destroy()
})

it.each([
  ['Call', hang],
  ['Stream', open],
])('%s ends at its deadline', async (name, bytes) => {
  const session = connectRaw(at.gateway.url)
  const sent = openRpc(session, {
    ...{ path: `/agentmesh.v1.Mesh/${name}`, token, headers: { 'grpc-timeout': '300m' } },
  })
  const trailers = trailersOf(sent)
  sent.write(bytes)
  if (name !== 'Stream') sent.end()
  expect(await trailers).toMatchObject({ 'grpc-status': '4' })
  session.destroy()
})

it('a deadline of years is the longest one, and warns nobody', async () => {
  const warned = vi.fn()
  process.on('warning', warned)
  const session = connectRaw(at.gateway.url)
  const sent = openRpc(session, { token, headers: { 'grpc-timeout': '99999999H' } })
  const trailers = trailersOf(sent)
  sent.end(called(add))
  expect(await trailers).toMatchObject({ 'grpc-status': '0' })
  process.off('warning', warned)
  expect(warned).not.toHaveBeenCalled()
  session.destroy()
})

it('replies that wait for their client leave room for its other requests', async () => {
  const session = connectRaw(at.gateway.url, { settings: { initialWindowSize: 0 }, maxSessionMemory: 1_000 })
  const large = called({ method: 'math.reverse', params: { bytes: Buffer.alloc(bodyBytes / 2) } })
  // 10 MB were the limit of the connection.
  for (let i = 0; i < 14; i++) {
    const sent = openRpc(session, { token })
    const head = headOf(sent)
    sent.end(large)
    expect(await head).toMatchObject({ ':status': 200 })
  }
  session.destroy()
})
