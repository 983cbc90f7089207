import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { serveGateway } from '@agent-mesh/cli'

import { GatewayMesh, jsonBody } from '../support/gateway-mesh.ts'
import { silent } from '../support/local-mesh.ts'

let at: GatewayMesh
let token: string
beforeAll(async () => {
  at = await GatewayMesh.start()
  token = await at.token('grafana', 'service:math.*')
})
afterAll(() => at.stop())

const auth = () => ({ authorization: `Bearer ${token}` })

describe('POST /v1/call', () => {
  it('passes JSON to a method of another member, and says which one answered', async () => {
    const answer = await at.ask('/v1/call/math/add', jsonBody(token, { a: 1, b: 2 }))
    expect([answer.status, answer.text]).toEqual([200, '3'])
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'mesh-peer': at.server.peerId,
      'mesh-name': 'server',
      'mesh-path': 'direct',
    })
  })

  it('passes bytes as they are', async () => {
    const sent = { ...auth(), 'content-type': 'application/octet-stream', body: Uint8Array.of(0, 255, 10) }
    const answer = await at.ask('/v1/call/math@1/reverse', sent)
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/octet-stream'])
    expect([...Buffer.from(answer.text, 'latin1')]).toEqual([10, 255, 0])
  })

  it('names the program to the handler', async () => {
    expect((await at.ask('/v1/call/math/whose', jsonBody(token, null))).json()).toEqual({ app: 'grafana' })
  })

  it('takes member and deadline from headers or the query', async () => {
    const elsewhere = await at.ask('/v1/call/math/add?peer=nobody', jsonBody(token, { a: 1, b: 2 }))
    expect([elsewhere.status, elsewhere.json()['code']]).toEqual([404, 'not_found'])
    const late = await at.ask('/v1/call/math/hang', { ...jsonBody(token, null), 'mesh-timeout': '50ms' })
    expect([late.status, late.json()['code']]).toEqual([504, 'deadline_exceeded'])
    const wrong = await at.ask('/v1/call/math/add?timeout=soon', jsonBody(token, { a: 1, b: 2 }))
    expect([wrong.status, wrong.json()['code']]).toEqual([400, 'invalid_argument'])
    const unknown = await at.ask('/v1/call/math/add?retries=9', jsonBody(token, { a: 1, b: 2 }))
    expect(unknown.json()['detail']).toContain("'retries'")
    const two = await at.ask('/v1/call/math/add?peer=server&peer=desk', jsonBody(token, { a: 1, b: 2 }))
    expect([two.status, two.json()['detail']]).toEqual([400, expect.stringContaining('peer')])
  })

  it('answers problem details that say whether to try again', async () => {
    const failed = await at.ask('/v1/call/math/fail?peer=server', jsonBody(token, null))
    expect(failed.headers['content-type']).toBe('application/problem+json')
    expect(failed.json()).toMatchObject({ status: 503, code: 'overloaded', retryable: true })
    expect(failed.headers['retry-after']).toBe('1')
    const wrong = await at.ask('/v1/call/math/add', jsonBody(token, { a: 'x' }))
    expect(wrong.json()).toMatchObject({ status: 400, code: 'invalid_argument', retryable: false })
    expect(wrong.json()['id']).toBe(wrong.headers['mesh-request'])
  })

  it('refuses a number that would become another, what is no JSON, what is too large, and paths of no method', async () => {
    const of = async (path: string, body: string) =>
      (await at.ask(path, { ...jsonBody(token, 0), body })).status
    expect(await of('/v1/call/math/add', '{"a":9007199254740993,"b":0}')).toBe(400)
    expect(await of('/v1/call/math/add', '{"a":')).toBe(400)
    expect(await of('/v1/call/math/add', `"${'x'.repeat(3 * 1024 * 1024)}"`)).toBe(413)
    expect(await of('/v1/call/math', '{}')).toBe(404)
    expect(await of('/v1/call/math/add/more', '{}')).toBe(404)
    expect(await of('/v1/nothing', '{}')).toBe(404)
  })
})

describe('the address', () => {
  const serveAt = (host: string, port = 0) =>
    serveGateway({ agent: at.desk, folder: at.mesh.data('desk'), listen: { host, port }, log: silent })

  it('may be any of loopback', async () => {
    const other = await serveAt('127.0.0.2')
    const reply = await fetch(`${other.url}/v1/describe`, { headers: auth() })
    await other.stop()
    expect(reply.status).toBe(200)
  })

  it('that another process has is refused, with what to do', async () => {
    await expect(serveAt('127.0.0.1', at.port)).rejects.toMatchObject({
      code: 'conflict',
      message: `Cannot serve the gateway on 127.0.0.1:${at.port}: another process has the port`,
      hint: expect.stringContaining('--gateway') as string,
    })
  })
})

describe('tokens', () => {
  it('are kept as hashes, in files for the owner alone', async () => {
    const folder = join(at.mesh.data('desk'), 'gateway-tokens')
    const [name = ''] = await readdir(folder)
    expect(((await stat(join(folder, name))).mode & 0o777).toString(8)).toBe('600')
    expect(await readFile(join(folder, name), 'utf8')).not.toContain(token.split('.')[2])
  })

  it('are refused once they are revoked or expired, on a connection that is open, too', async () => {
    const { text, token: view } = await at.tokens.create({
      scope: { call: ['service:math.add'] },
      lifetimeMs: 60_000,
    })
    const add = async (by: string) => (await at.ask('/v1/call/math/add', jsonBody(by, { a: 1, b: 2 }))).status
    expect(await add(text)).toBe(200)
    await at.tokens.revoke(view.id)
    expect(await add(text)).toBe(401)
    const short = await at.tokens.create({ scope: { call: ['service:math.add'] }, lifetimeMs: 1 })
    await vi.waitFor(async () => expect(await add(short.text)).toBe(401), 20_000)
  })

  it('with another secret are refused', async () => {
    const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    const answer = await at.ask('/v1/call/math/add', jsonBody(forged, { a: 1, b: 2 }))
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer'])
  })
})

describe('descriptions', () => {
  it('have what the token may call, and nothing that policy or scope deny', async () => {
    const all = (await at.ask('/v1/openapi.json', { method: 'GET', ...auth() })).json()
    const paths = (of: Record<string, unknown>) => Object.keys(of['paths'] as object).sort()
    expect(paths(all)).toEqual(
      ['add', 'fail', 'hang', 'reverse', 'whose'].map(name => `/v1/call/math@1/${name}`),
    )
    expect(all).toMatchObject({ openapi: '3.1.0', servers: [{ url: at.gateway.url }] })
    const narrow = { authorization: `Bearer ${await at.token('one', 'service:math.add')}` }
    expect(paths((await at.ask('/v1/openapi.json', { method: 'GET', ...narrow })).json())).toEqual([
      '/v1/call/math@1/add',
    ])
    const { services } = (await at.ask('/v1/describe', { method: 'GET', ...narrow })).json()
    expect(services).toMatchObject([{ service: 'math@1', methods: [{ name: 'add', idempotent: true }] }])
  })
})
