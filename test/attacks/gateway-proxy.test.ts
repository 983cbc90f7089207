/** Strangers, pages and greedy programs at SOCKS and CONNECT of a gateway. */
import { constants, type ClientHttp2Session } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults } from '@agent-mesh/cli'
import { exposePrograms } from '../support/exposed-programs.ts'
import { GatewayMesh } from '../support/gateway-mesh.ts'
import { connectRaw } from '../support/raw-rpc.ts'

let at: GatewayMesh
let token: string
let stopPrograms: () => Promise<void>
beforeAll(async () => {
  at = await GatewayMesh.start()
  stopPrograms = await exposePrograms(at)
  token = await at.portsToken('greedy', 'port:*')
})
afterAll(async () => {
  await at.stop()
  await stopPrograms()
})

const open = (): Socket =>
  connect({ port: at.port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
/** `once` would reject for a reset. */
const closed = (socket: Socket) =>
  new Promise<undefined>(resolve => {
    for (const event of ['close', 'end']) socket.once(event, () => resolve(undefined))
  })
/** What the gateway says first; undefined when it closes the connection before. */
const firstFrom = (socket: Socket) =>
  Promise.race([new Promise<Buffer>(resolve => void socket.once('data', resolve)), closed(socket)])
const field = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
const hello = Buffer.of(5, 1, 2)
const proof = (by: string) => Buffer.concat([Buffer.of(1), field('me'), field(by)])
const wanted = (host: string, { command = 1, port = 80 } = {}) =>
  Buffer.concat([Buffer.of(5, command, 0, 3), field(host), Buffer.of(port >> 8, port & 255)])

/** What the gateway answers to all of it. */
async function answerTo(...messages: Uint8Array[]): Promise<number[]> {
  const socket = open()
  for (const each of messages) socket.write(each)
  const said = await buffer(socket)
  socket.destroy()
  return [...said]
}

const refusedWith = (reply: number) => [5, 2, 1, 0, 5, reply, 0, 1, 0, 0, 0, 0, 0, 0]

it.each([
  ['no password', [Buffer.of(5, 1, 0)], [5, 0xff]],
  ['no method', [Buffer.of(5, 0)], [5, 0xff]],
  ['a wrong token', [hello, proof('amg1.x.y')], [5, 2, 1, 1]],
  ['no token', [hello, proof('')], [5, 2, 1, 1]],
  ['another version of the proof', [hello, Buffer.of(5, 1, 65, 1, 65)], [5, 2, 1, 1]],
])('SOCKS with %s is refused', async (_, messages, answer) => {
  expect(await answerTo(...messages)).toEqual(answer)
})

it.each([
  ['to listen (BIND)', wanted('web.server.mesh', { command: 2 }), 7],
  ['for UDP', wanted('web.server.mesh', { command: 3 }), 7],
  ['for an address of this machine', Buffer.of(5, 1, 0, 1, 127, 0, 0, 1, 0, 22), 2],
  ['for an IPv6 address', Buffer.concat([Buffer.of(5, 1, 0, 4), Buffer.alloc(15), Buffer.of(1, 0, 22)]), 2],
  ['for an unknown kind of address', Buffer.of(5, 1, 0, 9, 1, 1, 1), 8],
  ['for a name outside of the mesh', wanted('localhost'), 2],
  ['for an empty name', wanted(''), 2],
  ['for a name with a path in it', wanted('../x.mesh'), 4],
  ['for a name with a NUL in it', wanted('localhost\0.mesh'), 4],
  ['in another version', Buffer.of(4, 1, 0, 3, 0, 0, 0), 1],
])('SOCKS that asks %s is refused', async (_, message, reply) => {
  expect(await answerTo(hello, proof(token), message)).toEqual(refusedWith(reply))
})

it('SOCKS whose messages come byte by byte, or all at once, is served', async () => {
  const all = Buffer.concat([hello, proof(token), wanted('shout.server.mesh'), Buffer.from('early')])
  for (const pieces of [[all], [...all].map(byte => Buffer.of(byte))]) {
    const socket = open().setNoDelay()
    for (const each of pieces) await new Promise(sent => socket.write(each, sent))
    socket.end()
    const said = await buffer(socket)
    expect(said.subarray(14).toString()).toBe('EARLY')
  }
})

const statusOf = (said: Buffer) => /^HTTP\/1\.1 (\d+)/.exec(said.toString())?.[1]
async function ask(...lines: string[]): Promise<string | undefined> {
  const socket = open()
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  const said = await firstFrom(socket)
  socket.destroy()
  return said && statusOf(said)
}
const proof64 = (by: string) => `Proxy-Authorization: Basic ${Buffer.from(`me:${by}`).toString('base64')}`

it.each([
  ['no token', 'web.server.mesh:80', 'X: y', '407'],
  [
    'the token where a page could not put it, but a proxy neither',
    'web.server.mesh:80',
    'Authorization: Bearer x',
    '407',
  ],
  ['two tokens', 'web.server.mesh:80', `${proof64('x')}\r\n${proof64('y')}`, '407'],
])('CONNECT with %s is refused', async (_, target, header, status) => {
  expect(await ask(`CONNECT ${target} HTTP/1.1`, `Host: ${target}`, header)).toBe(status)
})

it.each([
  ['127.0.0.1:22', '403'],
  ['localhost:22', '403'],
  ['[::1]:22', '400'],
  ['web.server.mesh', '400'],
  ['web.server.mesh:0', '400'],
  ['web.server.mesh:65536', '400'],
  ['me@web.server.mesh:80', '400'],
  ['a_b.c_d.mesh:80', '404'],
])('CONNECT to %s is refused', async (target, status) => {
  expect(await ask(`CONNECT ${target} HTTP/1.1`, 'Host: x', proof64(token))).toBe(status)
})

it('of 1,000 connections of one program it has its share, others have room, and closed ones give it back', async () => {
  const other = await at.portsToken('other', 'port:web')
  const sockets: Socket[] = []
  const statuses: (string | undefined)[] = []
  for (let batch = 0; batch < 10; batch++)
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = open()
        sockets.push(socket)
        socket.write(`CONNECT shout.server.mesh:80 HTTP/1.1\r\nHost: x\r\n${proof64(token)}\r\n\r\n`)
        const said = await firstFrom(socket)
        statuses.push(said && statusOf(said))
      }),
    )
  expect(statuses.filter(status => status === '200')).toHaveLength(gatewayDefaults.requestsOfToken)
  const others = statuses.filter(status => status !== '200')
  expect(others.filter(status => ![undefined, '429', '503'].includes(status))).toEqual([])
  const asOther = () => ask('CONNECT web.server.mesh:80 HTTP/1.1', 'Host: x', proof64(other))
  await vi.waitFor(async () => expect(await asOther()).toBe('200'), 20_000)
  for (const socket of sockets) socket.destroy()
  const again = () => ask('CONNECT web.server.mesh:80 HTTP/1.1', 'Host: x', proof64(token))
  await vi.waitFor(async () => expect(await again()).toBe('200'), 20_000)
})

/** What ends a connection of HTTP/2. Rejects when it ends without. */
function goAwayOf(session: ClientHttp2Session): Promise<{ code: number; last: number; reason: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; last: number; reason: string }>()
  session.once('goaway', (code, last, data) => resolve({ code, last, reason: String(data) }))
  session.once('error', reject).once('close', () => reject(new Error('the connection ended without GOAWAY')))
  return promise
}

it('a connection without room hears why, in its own protocol, and others have room again', async () => {
  const { text: caller } = await at.tokens.create({ scope: { call: ['service:*'] }, lifetimeMs: 600_000 })
  const head = ['GET /v1/nothing HTTP/1.1', `Host: 127.0.0.1:${at.port}`, `Authorization: Bearer ${caller}`]
  // They stay open for a next request.
  const idle: Socket[] = []
  const openOne = async () => {
    const socket = open()
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    const status = statusOf((await firstFrom(socket)) ?? Buffer.of())
    // Those of the specs before may not have ended yet.
    if (status !== '404') socket.destroy()
    expect(status).toBe('404')
    idle.push(socket)
  }
  try {
    for (let i = 0; i < gatewayDefaults.connections; i++) await vi.waitFor(openOne, 20_000)
    const asked = open()
    asked.write(`CONNECT web.server.mesh:80 HTTP/1.1\r\nHost: x\r\n${proof64(token)}\r\n\r\n`)
    const refusal = (await buffer(asked)).toString()
    expect(refusal).toMatch(/^HTTP\/1\.1 503 [^]*"code":"overloaded"/)
    expect(refusal).toContain(`${gatewayDefaults.connections} are open already`)
    expect(await answerTo(hello, proof(token), wanted('web.server.mesh'))).toEqual(refusedWith(5))
    // As no protocol error: its requests can be sent again.
    const { code, last, reason } = await goAwayOf(connectRaw(at.gateway.url))
    expect([code, last]).toEqual([constants.NGHTTP2_ENHANCE_YOUR_CALM, 0])
    expect(reason).toContain(`${gatewayDefaults.connections} are open already`)
    await closed(open().resume())
  } finally {
    for (const socket of idle) socket.destroy()
  }
  const again = () => ask('CONNECT web.server.mesh:80 HTTP/1.1', 'Host: x', proof64(token))
  await vi.waitFor(async () => expect(await again()).toBe('200'), 20_000)
})

it('connections that say nothing, or half of a request, end', async () => {
  const silent = open()
  const half = open()
  half.write(hello)
  const dripping = open()
  dripping.write(Buffer.of(5, 255))
  const drip = setInterval(() => dripping.write(Buffer.of(0)), 200)
  await Promise.all([silent, half, dripping].map(socket => closed(socket.resume())))
  clearInterval(drip)
})

it('a gateway that stops resets what is open', async () => {
  const socket = open()
  socket.write(`CONNECT shout.server.mesh:80 HTTP/1.1\r\nHost: x\r\n${proof64(token)}\r\n\r\n`)
  await firstFrom(socket)
  const reset = closed(socket)
  const halfway = open()
  halfway.write(hello)
  await firstFrom(halfway)
  await at.gateway.stop()
  socket.end()
  await reset
})
