/** What one program can take of a gateway, and what it leaves to others. */
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults } from '@agent-mesh/cli'
import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'

let at: GatewayMesh
let token: string
let other: string
beforeAll(async () => {
  at = await GatewayMesh.start()
  const scope = { call: ['service:math.*'] }
  const made = () => at.tokens.create({ scope, lifetimeMs: 3_600_000 })
  token = (await made()).text
  other = (await made()).text
})
afterAll(() => at.stop())

const add = async (by: string) => (await at.ask('/v1/call/math/add', jsonBody(by, { a: 1, b: 2 }))).text
const head = (more: string) =>
  [
    'POST /v1/call/math/add HTTP/1.1',
    `Host: 127.0.0.1:${at.port}`,
    `Authorization: Bearer ${token}`,
    `Content-Type: application/json\r\n${more}\r\n\r\n`,
  ].join('\r\n')

/** Of an RPC whose message has 9 bytes, sends one. @returns how it ends */
async function halfRpc(): Promise<IncomingHttpHeaders> {
  const session = connectHttp2(at.gateway.url).on('error', () => {})
  const sent = session.request({
    ':method': 'POST',
    ':path': '/agentmesh.v1.Mesh/Call',
    'content-type': 'application/grpc',
    authorization: `Bearer ${token}`,
  })
  const ended = once(sent.on('error', () => {}).resume(), 'trailers')
  sent.write(Uint8Array.of(0, 0, 0, 0, 9, 10))
  const [trailers] = (await ended) as [IncomingHttpHeaders]
  session.destroy()
  return trailers
}

it('a body of which half is sent ends with an error, and its connection, too', async () => {
  const socket = connect(at.port, '127.0.0.1')
  let said = ''
  socket.on('data', (chunk: Buffer) => (said += chunk.toString())).on('error', () => {})
  socket.write(`${head('Content-Length: 13')}{"a":1`)
  const rpc = halfRpc()
  await once(socket, 'close')
  expect(said).toMatch(/^HTTP\/1\.1 504 .*"code":"deadline_exceeded"/s)
  expect(said).toContain(`its body took over ${gatewayDefaults.bodyMs} ms`)
  expect(await rpc).toMatchObject({ 'grpc-status': '4', 'mesh-code': 'deadline_exceeded' })
})

it('a body in pieces of one byte takes no memory for each', async () => {
  const socket = connect(at.port, '127.0.0.1').on('error', () => {})
  const before = process.memoryUsage().rss
  socket.write(head('Transfer-Encoding: chunked'))
  // 400 KB. A Buffer for each took 150 MB.
  const pieces = '1\r\n \r\n'.repeat(5_000)
  for (let i = 0; i < 80; i++) if (!socket.write(pieces)) await once(socket, 'drain')
  socket.write('d\r\n{"a":1,"b":2}\r\n0\r\n\r\n')
  const [said] = (await once(socket, 'data')) as [Buffer]
  expect(said.toString()).toMatch(/^HTTP\/1\.1 200 /)
  expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(100)
  socket.destroy()
})

/** Opens a stream that stays open. @returns its status; 0 when there was no connection for it */
function opened(path: string, by: Agent): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' }
  const sent = request(`${at.gateway.url}${path}`, { method: 'POST', headers, agent: by })
  sent.write('null\n{"value":1}\n')
  return new Promise(resolve => {
    sent.on('error', () => resolve(0))
    sent.on('response', (reply: IncomingMessage) => {
      reply.resume().on('error', () => {})
      if (reply.statusCode !== 200) sent.end()
      resolve(reply.statusCode ?? 0)
    })
  })
}

const ofProgram = gatewayDefaults.requestsOfToken

it.each([
  ['fewer than connections', gatewayDefaults.connections - 56, { 200: ofProgram, 429: 10_000 - ofProgram }],
  ['2,000', 2_000, { 200: ofProgram }],
])('of 10,000 streams, %s at once, one program has its share', async (_, maxSockets, expected) => {
  const agent = new Agent({ maxSockets })
  const streams = Array.from({ length: 10_000 }, () => opened('/v1/stream/math/total', agent))
  const counts: Record<number, number> = {}
  for (const status of await Promise.all(streams)) counts[status] = (counts[status] ?? 0) + 1
  expect(counts).toMatchObject(expected)
  expect(Object.keys(counts).filter(status => !['0', '200', '429', '503'].includes(status))).toEqual([])
  expect(await add(other)).toBe('3')
  agent.destroy()
  await vi.waitFor(async () => expect(await add(token)).toBe('3'), 20_000)
})
