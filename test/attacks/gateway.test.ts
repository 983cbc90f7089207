import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { gatewayDefaults, GatewayTokens } from '@agent-mesh/cli'
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

/** What the gateway says first to a head in this form. */
async function saidTo(...lines: string[]): Promise<string> {
  const socket = connect(at.port, '127.0.0.1')
  const head = ['POST /v1/call/math/add HTTP/1.1', `Host: 127.0.0.1:${at.port}`, ...lines]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  const [said] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return said.toString()
}

it('a request is refused before its body has come, or is asked for', async () => {
  expect(await saidTo('Content-Length: 1000000')).toMatch(/^HTTP\/1\.1 401 /)
  expect(await saidTo('Content-Length: 1000000', 'Expect: 100-continue')).toMatch(/^HTTP\/1\.1 401 /)
})

it.each([
  ['hosts', 'Host: evil.example', 403],
  ['tokens', 'Authorization: Bearer other', 401],
  ['content types', 'Content-Type: text/plain', 415],
])('a request with two %s is refused: one of them was not checked', async (_, second, status) => {
  const valid = [`Authorization: Bearer ${token}`, 'Content-Type: application/json']
  const said = await saidTo(...valid, second, 'Content-Length: 1000')
  expect(said).toMatch(new RegExp(`^HTTP/1.1 ${status} .*^connection: close`, 'ims'))
})

it.each([
  ['is damaged', (file: string) => writeFile(file, '{"cut')],
  ['cannot be read', (file: string) => rm(file).then(() => mkdir(file))],
])('a token whose file %s is refused, and its folder stays unknown', async (_, spoil) => {
  const { text, token } = await at.tokens.create({ scope: { call: ['service:*'] }, lifetimeMs: 60_000 })
  const file = join(at.mesh.data('desk'), 'gateway-tokens', `${token.id}.json`)
  await spoil(file)
  const answer = await add({}, text)
  await rm(file, { recursive: true })
  expect([answer.status, answer.json()['code']]).toEqual([401, 'unauthenticated'])
  expect(answer.text).not.toContain('gateway-tokens/')
})

it('a token of another context is unknown here', async () => {
  const other = new GatewayTokens(at.mesh.data('server'))
  const { text } = await other.create({ scope: { call: ['service:*'] }, lifetimeMs: 60_000 })
  expect((await add({}, text)).status).toBe(401)
})

it.each([
  '/v1/call/__proto__/add',
  '/v1/call/math%2Fadd',
  '/v1/call/math/%61dd',
  '/v1/call/math/more.add',
  '/v1/call/math/add/',
  '/v1/call//add',
])('%s names no method', async path => {
  expect((await at.ask(path, jsonBody(token, { a: 1, b: 2 }))).status).toBe(404)
})

it.each([
  ['GET', '/v1/call/math/add', 'POST'],
  ['GET', '/v1/stream/math/add', 'POST'],
  ['DELETE', '/v1/topics/alerts', 'GET, HEAD, POST'],
])('%s %s is told which methods it takes', async (method, path, allow) => {
  const answer = await at.ask(path, { method, authorization: `Bearer ${token}` })
  expect([answer.status, answer.headers['allow']]).toEqual([405, allow])
  expect(answer.json()['hint']).toBe(`It takes ${allow}.`)
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
  const answered: number[] = []
  const sent = Array.from({ length: gatewayDefaults.requestsOfToken + 10 }, () =>
    fetch(path, { method: 'POST', body, headers, signal: left.signal }).then(
      ({ status }) => answered.push(status),
      () => 0,
    ),
  )
  const refused = Array.from({ length: 10 }, () => 429)
  await vi.waitFor(() => {
    expect(at.hanging.size).toBe(gatewayDefaults.requestsOfToken)
    expect(answered).toEqual(refused)
  }, 20_000)
  expect((await add({})).status).toBe(200)
  left.abort()
  await Promise.all(sent)
  expect(answered).toEqual(refused)
  await vi.waitFor(() => expect(at.hanging.size).toBe(0), 20_000)
  expect((await add({}, greedy)).status).toBe(200)
})

it('requests behind one another on a connection (pipelining) are all cancelled when it closes', async () => {
  const socket = connect(at.port, '127.0.0.1')
  const lines = [
    'POST /v1/call/math/hang HTTP/1.1',
    `Host: 127.0.0.1:${at.port}`,
    `Authorization: Bearer ${await at.token('pipelined', 'service:math.*')}`,
    'Content-Type: application/json',
    'Content-Length: 4',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\nnull`.repeat(3))
  await vi.waitFor(() => expect(at.hanging.size).toBe(3), 20_000)
  socket.destroy()
  await vi.waitFor(() => expect(at.hanging.size).toBe(0), 20_000)
})

it('a head that comes byte by byte ends, and takes no room from others', async () => {
  const slow = connect(at.port, '127.0.0.1')
  const silent = connect(at.port, '127.0.0.1')
  for (const socket of [slow, silent]) socket.on('error', () => {})
  slow.write('POST /v1/call/math/add HTTP/1.1\r\n')
  const dripping = setInterval(() => slow.write('X'), 200)
  // The one that sends is reset.
  const closed = Promise.all(
    [slow, silent].map(socket => new Promise(resolve => socket.resume().once('close', resolve))),
  )
  expect((await add({})).status).toBe(200)
  await closed
  clearInterval(dripping)
})
