/** `GET /v1/ws`: calls, streams and services of a program over one WebSocket. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod/mini'

import { defineService } from '@agent-mesh/agent'

import { GatewayMesh } from '../support/gateway-mesh.ts'
import { SocketProgram, upgradeStatus } from '../support/program-socket.ts'

const paging = defineService({
  name: 'math.paging',
  version: 1,
  methods: { all: { params: z.optional(z.unknown()), yields: z.string(), result: z.void() } },
})
let at: GatewayMesh
let token: string
let program: SocketProgram
const made = (app: string) =>
  at.tokens.create({
    app,
    scope: { call: ['service:math.*'], serve: ['service:math.py.*'] },
    lifetimeMs: 600_000,
  })
beforeAll(async () => {
  at = await GatewayMesh.start()
  token = (await made('notebook')).text
  program = await SocketProgram.open(at.gateway.url, token)
})
afterAll(() => at.stop())

describe('a program on a WebSocket', () => {
  it('has calls answered as they end, with the member that answered, or with problem details', async () => {
    program.say({ id: 1, call: 'math.hang' })
    program.say({ id: 2, call: 'math@1.add', params: { a: 1, b: 2 } })
    program.say({ id: 3, call: 'math.reverse', bytes: 'AAEC' })
    program.say({ id: 4, call: 'math.fail', peer: 'server' })
    program.say({ id: 5, call: 'math.hang', timeoutMs: 100 })
    expect(await program.heard({ id: 2 })).toMatchObject({
      end: { value: 3, peerId: at.server.peerId, name: 'server', path: 'direct' },
    })
    expect(await program.heard({ id: 3 })).toMatchObject({ end: { bytes: 'AgEA' } })
    expect(await program.heard({ id: 4 })).toMatchObject({ error: { code: 'overloaded', retryable: true } })
    expect(await program.heard({ id: 5 })).toMatchObject({ error: { code: 'deadline_exceeded' } })
    await vi.waitFor(() => expect(at.hanging.size).toBe(1), 20_000)
    program.say({ id: 1, cancel: true })
    expect(await program.heard({ id: 1 })).toMatchObject({ error: { code: 'cancelled' } })
    await vi.waitFor(() => expect(at.hanging.size).toBe(0), 20_000)
  })

  it('is refused what its token does not cover, on record', async () => {
    program.say({ id: 10, call: 'vault.open' })
    expect(await program.heard({ id: 10 })).toMatchObject({ error: { code: 'permission_denied' } })
    program.say({ id: 11, serve: 'vault@2', methods: [{ name: 'open' }] })
    expect(await program.heard({ id: 11 })).toMatchObject({ error: { code: 'permission_denied' } })
    const details = async () => (await at.denials('desk')).map(({ detail }) => detail)
    const denial = (action: string) =>
      expect.objectContaining({
        app: 'notebook',
        by: 'scope',
        action,
        target: 'service:vault.open',
      }) as object
    await vi.waitFor(
      async () => expect(await details()).toEqual(expect.arrayContaining([denial('call'), denial('serve')])),
      20_000,
    )
    expect(await details()).not.toContainEqual(expect.objectContaining({ by: 'policy' }))
  })

  it('streams both ways, at the pace of the reader of its messages', async () => {
    program.say({ id: 20, stream: 'math.count', params: { to: 3 } })
    expect(await program.heard({ id: 20, end: undefined })).toMatchObject({ end: { value: 'done' } })
    const counted = program.got.filter(({ id, message }) => id === 20 && message !== undefined)
    expect(counted.map(({ message }) => message)).toEqual([{ value: 1 }, { value: 2 }, { value: 3 }])

    program.say({ id: 21, stream: 'math.total', input: true })
    for (let i = 1; i <= 8; i++) program.say({ id: 21, message: { value: i } })
    expect(await program.heard({ id: 21, more: 4 })).toBeDefined()
    program.say({ id: 21, last: true })
    expect(await program.heard({ id: 21, end: undefined })).toMatchObject({ end: { value: 36 } })
  })

  it('that does not read holds back the handler of its stream', async () => {
    let yielded = 0
    const pages = 1_000
    at.server.serve({
      contract: paging,
      handlers: {
        async *all() {
          for (; yielded < pages; yielded++) yield 'x'.repeat(64 * 1024)
        },
      },
    })
    await at.desk.waitFor('math.paging', { timeout: 20_000 })
    const slow = await SocketProgram.open(at.gateway.url, token)
    slow.socket.pause()
    slow.say({ id: 1, stream: 'math.paging.all' })
    const counts = [-1]
    await vi.waitFor(
      () => {
        counts.unshift(yielded)
        expect(counts[0]).toBeGreaterThan(0)
        expect(counts.slice(0, 5)).toEqual(Array(5).fill(counts[0]))
      },
      { timeout: 60_000, interval: 100 },
    )
    expect(yielded).toBeLessThan(pages / 2)
    slow.socket.resume()
    expect(await slow.heard({ id: 1, end: undefined })).toBeDefined()
    expect(slow.got.filter(({ message }) => message !== undefined)).toHaveLength(pages)
    await slow.close()
  })

  it('serves methods to other members, for as long as its socket is open', async () => {
    const other = await SocketProgram.open(at.gateway.url, token)
    const methods = [
      { name: 'add', effects: 'read', errors: { odd: {} } },
      { name: 'count', yields: { type: 'number' } },
    ]
    other.say({ id: 1, serve: 'math.py@1', methods })
    expect(await other.heard({ id: 1 })).toEqual({ id: 1, serving: 'math.py@1' })
    program.say({ id: 30, serve: 'math.py@1', methods })
    expect(await program.heard({ id: 30 })).toMatchObject({ error: { code: 'conflict' } })
    await at.server.waitFor('math.py', { timeout: 20_000 })

    const added = at.server.call('math.py.add', { a: 1 }, { timeout: 20_000 })
    const asked = await other.heard({ service: 'math.py@1', method: 'add' })
    expect(asked).toMatchObject({
      ...{ request: 1, params: { a: 1 }, caller: { peerId: at.server.peerId, name: 'server' } },
      timeoutMs: expect.any(Number) as number,
    })
    other.say({ request: 1, end: { value: 'sum' } })
    expect(await added).toBe('sum')

    const failing = at.server.call('math.py.add', {})
    await other.heard({ request: 2 })
    other.say({ request: 2, error: { declared: 'odd', details: { n: 1 }, detail: 'it is odd' } })
    await expect(failing).rejects.toMatchObject({ code: 'application', declared: 'odd', details: { n: 1 } })

    const stream = at.server.stream('math.py.count')
    await other.heard({ request: 3 })
    for (const value of [1, 2]) other.say({ request: 3, message: { value } })
    other.say({ request: 3, end: { value: 'all' } })
    const counted: unknown[] = []
    for await (const each of stream) counted.push(each)
    expect([...counted, await stream.result]).toEqual([1, 2, 'all'])

    const left = new AbortController()
    const abandoned = at.server.call('math.py.add', {}, { signal: left.signal })
    await other.heard({ request: 4 })
    left.abort()
    await expect(abandoned).rejects.toMatchObject({ code: 'cancelled' })
    await other.heard({ request: 4, cancel: true })

    const cut = at.server.call('math.py.add', {})
    await other.heard({ request: 5 })
    await Promise.all([expect(cut).rejects.toMatchObject({ code: 'unavailable' }), other.close()])
    const known = () => at.server.services().map(({ service }) => service)
    await vi.waitFor(() => expect(known()).not.toContain('math.py@1'), 20_000)
  })

  it.each([
    'no JSON',
    '[]',
    '{"id":1}',
    '{"id":-1,"cancel":true}',
    '{"id":1,"call":"x","more":1}',
    Buffer.of(1),
  ])('is disconnected for what is no message: %s', async text => {
    const wrong = await SocketProgram.open(at.gateway.url, token)
    wrong.socket.send(text)
    expect(await wrong.closed).toEqual([1008, 'invalid_argument'])
    expect(wrong.got).toMatchObject([{ error: { code: 'invalid_argument' } }])
  })

  it('is disconnected for a message over 2 MiB, and once its token is revoked', async () => {
    const large = await SocketProgram.open(at.gateway.url, token)
    large.say({ id: 1, call: 'math.reverse', bytes: 'A'.repeat(3 * 1024 * 1024) })
    expect((await large.closed)[0]).toBe(1009)
    const created = await made('short')
    const revoked = await SocketProgram.open(at.gateway.url, created.text)
    revoked.say({ id: 1, serve: 'math.py@1', methods: [{ name: 'add' }] })
    await revoked.heard({ serving: 'math.py@1' })
    await at.tokens.revoke(created.token.id)
    revoked.say({ id: 2, call: 'math.add', params: { a: 1, b: 2 } })
    expect((await revoked.closed)[0]).toBe(1008)
    expect(revoked.got.filter(({ end }) => end !== undefined)).toEqual([])
  })

  it('is ended by a message in more pieces than 4,096: each takes memory beside its bytes', async () => {
    const sender = await SocketProgram.open(at.gateway.url, token)
    for (let i = 0; i < 5_000; i++) sender.socket.send(' ', { fin: false })
    expect((await sender.closed)[0]).toBe(1008)
  })

  it('has at most 64 in flight on one socket', async () => {
    const busy = await SocketProgram.open(at.gateway.url, token)
    for (let id = 0; id < 65; id++) busy.say({ id, call: 'math.hang' })
    expect(await busy.heard({ id: 64 })).toMatchObject({ error: { code: 'rate_limited' } })
    await busy.close()
    await vi.waitFor(() => expect(at.hanging.size).toBe(0), 20_000)
  })
})

it('a WebSocket passes the checks of every request before it is opened', async () => {
  const url = `${at.gateway.url}/v1/ws`
  const auth = { authorization: `Bearer ${token}` }
  expect(await upgradeStatus(url, {}, ['agent-mesh.v1', `bearer.${token}`])).toBe(101)
  expect(await upgradeStatus(url, {})).toBe(401)
  expect(await upgradeStatus(url, {}, ['agent-mesh.v1', 'bearer.x'])).toBe(401)
  expect(await upgradeStatus(url, { ...auth, origin: 'http://localhost:3000' })).toBe(403)
  expect(await upgradeStatus(url, { ...auth, host: `evil.example:${at.port}` })).toBe(403)
  expect(await upgradeStatus(url, { ...auth, 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await upgradeStatus(`${at.gateway.url}/v1/other`, auth)).toBe(404)
})
