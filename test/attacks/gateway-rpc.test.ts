/** What strangers on this machine, and pages in its browsers, reach over the RPCs of the gateway and over HTTP/2. */
import { once } from 'node:events'
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults } from '@agent-mesh/cli'
import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'
import { bearer, json, rpcClient } from '../support/rpc-clients.ts'

let at: GatewayMesh
let token: string
const path = '/agentmesh.v1.Mesh/Call'
const add = { method: 'math.add', params: json({ a: 1, b: 2 }) }
beforeAll(async () => {
  at = await GatewayMesh.start()
  token = await at.token('robot', 'service:math.*')
})
afterAll(() => at.stop())

it.each([
  ['a page of another site (fetch)', { origin: 'https://evil.example' }, 403],
  ['a sandboxed frame', { origin: 'null' }, 403],
  ['a page, by an image or a link', { 'sec-fetch-site': 'cross-site' }, 403],
  ['a rebound name (DNS rebinding)', { host: 'evil.example:80' }, 403],
  ['a program without a token', { authorization: '' }, 401],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['a plain fetch', { 'content-type': 'text/plain' }, 415],
])('%s is refused over HTTP/1.1', async (_, headers, status) => {
  const answer = await at.ask(path, { ...jsonBody(token, add), ...headers })
  expect(answer.status).toBe(status)
  expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  expect((await at.ask(path, jsonBody(token, add))).status).toBe(200)
})

/** Head of the reply to an RPC of gRPC without a body, which never comes. */
async function asked(headers: Record<string, string>): Promise<IncomingHttpHeaders> {
  const session = connectHttp2(at.gateway.url)
  session.on('error', () => {})
  try {
    const sent = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${token}`,
      ...headers,
    })
    sent.on('error', () => {})
    const trailers = once(sent, 'trailers') as Promise<[IncomingHttpHeaders]>
    sent.resume()
    return (await trailers)[0]
  } finally {
    session.destroy()
  }
}

it.each([
  ['a rebound name', { ':authority': 'evil.example:80' }, '7'],
  ['a page', { origin: 'https://evil.example' }, '7'],
  ['a token of another form', { authorization: 'Basic YTpi' }, '16'],
])('%s is refused over HTTP/2, before a body has come', async (_, headers, status) => {
  expect(await asked(headers)).toMatchObject({ 'grpc-status': status })
})

it('a refused request ends its connection', async () => {
  const session = connectHttp2(at.gateway.url)
  session.on('error', () => {})
  const closed = once(session, 'close')
  session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' }).resume().end()
  await closed
})

it('one program has so many RPCs in flight, and others have room', async () => {
  const greedy = bearer(await at.token('greedy', 'service:math.*'))
  const left = new AbortController()
  const options = { ...greedy, signal: left.signal }
  const { requestsOfToken } = gatewayDefaults
  const failures: unknown[] = []
  const clients = [rpcClient(at.gateway.url), rpcClient(at.gateway.url, 'Connect')]
  const sent = Array.from({ length: requestsOfToken + 10 }, (_, i) =>
    clients[i % 2]!.call({ method: 'math.hang' }, options).catch((error: unknown) => failures.push(error)),
  )
  await vi.waitFor(() => expect([at.hanging.size, failures.length]).toEqual([requestsOfToken, 10]), 20_000)
  expect((await rpcClient(at.gateway.url).call(add, bearer(token))).result?.json).toBe('3')
  left.abort()
  await Promise.all(sent)
  await vi.waitFor(() => expect(at.hanging.size).toBe(0), 20_000)
})

it('a connection that is no HTTP/2 after its beginning ends, and takes nothing from others', async () => {
  const socket = connect(at.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(Buffer.alloc(1_000, 'x'))
  await once(socket.resume(), 'close')
  expect((await at.ask(path, jsonBody(token, add))).status).toBe(200)
})

it('a connection whose beginning comes in pieces is HTTP/2 all the same', async () => {
  const socket = connect(at.port, '127.0.0.1')
  // It could begin POST. The request behind it is answered after it was read.
  socket.write('P')
  await at.ask(path, jsonBody(token, add))
  const settings = Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0)
  socket.write(Buffer.concat([Buffer.from('RI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]))
  const [said] = (await once(socket, 'data')) as [Buffer]
  expect(said[3]).toBe(settings[3])
  socket.destroy()
})

it('a connection that its client has left is closed here', async () => {
  const socket = connect({ port: at.port, host: '127.0.0.1', allowHalfOpen: true })
  const session = connectHttp2(at.gateway.url, { createConnection: () => socket })
  const sent = session.request({ ':path': '/v1/nothing', authorization: `Bearer ${token}` })
  await once(sent, 'response')
  // Its half alone: the gateway ends the other.
  socket.end()
  await once(session, 'close')
})
