/** Programs that speak HTTP as services of a mesh: `agent-mesh serve --http`. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { createLogger, type Agent } from '@agent-mesh/agent'
import { ServedPrograms } from '@agent-mesh/cli'

import { freePort } from '../support/free-port.ts'
import { LocalMesh } from '../support/local-mesh.ts'

/** What the program was asked, newest last. */
const asked: { url: string; headers: IncomingHttpHeaders; body: string }[] = []
/** Requests of `hang` that were closed before their reply. */
let closed = 0

const methods = [
  { name: 'add', about: 'The sum.', effects: 'read', timeoutMs: 5_000, params: { type: 'object' }, more: 1 },
  { name: 'fail', errors: { too_hot: { type: 'object' } } },
  { name: 'page' },
  { name: 'hang' },
  { name: 'bytes' },
  { name: 'count', yields: { type: 'number' } },
  { name: 'total', takes: { type: 'number' }, yields: { type: 'number' } },
]
const problem = { declared: 'too_hot', details: { celsius: 90 }, detail: 'the sensor is too hot' }
const lines = (...each: unknown[]) => each.map(one => `${JSON.stringify(one)}\n`).join('')

async function answer(url: string, body: string, reply: ServerResponse): Promise<unknown> {
  const as = (type: string, status = 200) => reply.writeHead(status, { 'content-type': type })
  switch (url) {
    case '/.well-known/agent-mesh.json':
      return as('application/json').end(JSON.stringify({ methods, later: true }))
    case '/add': {
      const { a, b } = JSON.parse(body) as { a: number; b: number }
      return as('application/json').end(String(a + b))
    }
    case '/fail':
      return as('application/problem+json', 500).end(
        body === '' ? '{"code":"conflict"}' : JSON.stringify(problem),
      )
    case '/page':
      return as('text/html').end('<p>')
    case '/hang':
      await once(reply, 'close')
      return closed++
    case '/bytes':
      return as('application/octet-stream').end(Buffer.from(body).reverse())
    case '/count':
      return as('application/x-ndjson').end(
        lines({ value: 1 }, { bytes: 'Ag==' }, { end: { value: 'done' } }),
      )
    case '/total': {
      const numbers = body.trim().split('\n').slice(1)
      const sum = numbers.reduce((all, line) => all + (JSON.parse(line) as { value: number }).value, 0)
      return as('application/x-ndjson').end(lines({ value: sum }))
    }
    default:
      return reply.writeHead(404).end()
  }
}

async function program(port = 0): Promise<Server> {
  const server = createServer(
    (request, reply) =>
      void text(request).then(body => {
        asked.push({ url: request.url!, headers: request.headers, body })
        return answer(request.url!, body, reply)
      }),
  ).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
async function stop(server: Server): Promise<void> {
  const ended = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await ended
}

let mesh: LocalMesh
let desk: Agent
let server: Agent
let programs: ServedPrograms
const log = createLogger('t', 'silent')
let running: Server
const options = { signal: new AbortController().signal }

beforeAll(async () => {
  mesh = await LocalMesh.start()
  server = await mesh.agent({ name: 'server' })
  desk = await mesh.agent({ name: 'desk' })
  // One of the tests starts it again at its port.
  running = await program(await freePort())
  programs = new ServedPrograms(server, mesh.data('server'), log)
  await programs.serve({ service: 'math@2', url: urlOf(running) }, options)
  await desk.waitFor('math@2', { timeout: 20_000 })
})
afterAll(async () => {
  await mesh.stop()
  await stop(running)
})

describe('a program that speaks HTTP', () => {
  it('serves the methods that it describes, and learns who calls and for how long', async () => {
    expect(await desk.call('math@2.add', { a: 1, b: 2 }, { timeout: 60_000, idempotent: true })).toBe(3)
    const { url, headers, body } = asked.at(-1)!
    expect([url, JSON.parse(body)]).toEqual(['/add', { a: 1, b: 2 }])
    expect(headers).toMatchObject({
      'mesh-peer': desk.peerId,
      'mesh-name': 'desk',
      'mesh-roles': 'agent',
      'mesh-idempotent': 'true',
      'content-type': 'application/json',
      'mesh-timeout': expect.stringMatching(/^(?:60000|[1-5]\d{4})ms$/) as string,
    })
    const described = await desk.describe('math@2')
    expect(described.methods.find(({ name }) => name === 'add')).toMatchObject({
      ...{ about: 'The sum.', effects: 'read', timeoutMs: 5_000, params: { type: 'object' } },
    })
    await expect(desk.call('math.none', {})).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('takes and gives bytes', async () => {
    const result = await desk.call('math.bytes', Uint8Array.of(1, 2, 3))
    expect([...(result as Uint8Array)]).toEqual([3, 2, 1])
    expect(asked.at(-1)!.headers['content-type']).toBe('application/octet-stream')
  })

  it('fails with the error that it says, a declared one too, and with internal for what is no reply', async () => {
    await expect(desk.call('math.fail')).rejects.toMatchObject({ code: 'conflict' })
    await expect(desk.call('math.fail', {})).rejects.toMatchObject({
      ...{ code: 'application', declared: 'too_hot', details: { celsius: 90 } },
      message: 'Cannot call math.fail: the sensor is too hot',
    })
    await expect(desk.call('math.page')).rejects.toMatchObject({ code: 'internal' })
  })

  it('learns that its caller left, or has no more time', async () => {
    const left = new AbortController()
    const call = desk.call('math.hang', {}, { signal: left.signal })
    await vi.waitFor(() => expect(asked.at(-1)!.url).toBe('/hang'), 20_000)
    left.abort()
    await expect(call).rejects.toMatchObject({ code: 'cancelled' })
    await vi.waitFor(() => expect(closed).toBe(1), 20_000)
    const late = expect(desk.call('math.hang', {}, { timeout: 5_000 })).rejects.toMatchObject({
      code: 'deadline_exceeded',
    })
    await vi.waitFor(() => expect(asked.filter(({ url }) => url === '/hang')).toHaveLength(2), 20_000)
    await late
    await vi.waitFor(() => expect(closed).toBe(2), 20_000)
  })

  it('streams lines of JSON both ways', async () => {
    const count = desk.stream('math.count')
    const counted: unknown[] = []
    for await (const each of count) counted.push(each)
    expect(counted).toEqual([1, Buffer.of(2)])
    expect(await count.result).toBe('done')
    const input = (async function* () {
      yield* [1, 2, 3]
    })()
    const total = desk.stream('math.total', {}, { input })
    const got: unknown[] = []
    const read = (async () => {
      for await (const each of total) got.push(each)
    })()
    await expect(read).rejects.toMatchObject({ code: 'unavailable' })
    expect(got).toEqual([6])
  })

  it('is unavailable while it does not run, and answers the next call once it does', async () => {
    const { port } = running.address() as AddressInfo
    await stop(running)
    await expect(desk.call('math.add', { a: 1, b: 2 })).rejects.toMatchObject({ code: 'unavailable' })
    running = await program(port)
    expect(await desk.call('math.add', { a: 2, b: 2 })).toBe(4)
  })
})

describe('the list of programs', () => {
  it('is served again at the next start, without the programs, and replaced or withdrawn', async () => {
    const again: string[] = []
    const next = () => {
      const serve = (definition: { contract: { name: string; methods: object } }) => {
        again.push(`${definition.contract.name} ${Object.keys(definition.contract.methods).join(' ')}`)
        return () => {}
      }
      return new ServedPrograms({ serve } as unknown as Agent, mesh.data('server'), log)
    }
    await programs.serve({ service: 'other@1', url: 'http://127.0.0.1:1', methods: ['a', 'b'] }, options)
    await next().restore()
    expect(again).toEqual(['math add fail page hang bytes count total', 'other a b'])
    await programs.serve({ service: 'other@1', url: 'http://127.0.0.1:1', methods: ['c'] }, options)
    expect(server.services().map(({ service }) => service)).toContain('other@1')
    await programs.remove('other@1')
    await expect(programs.remove('other@1')).rejects.toMatchObject({ code: 'not_found' })
    expect(programs.list().map(({ service }) => service)).toEqual(['math@2'])
  })

  it('keeps a program whose name is in use at the next start, so that it can be withdrawn', async () => {
    await programs.serve({ service: 'taken@1', url: 'http://127.0.0.1:1', methods: ['a'] }, options)
    const warn = vi.spyOn(log, 'warn')
    // This agent serves both already.
    const next = new ServedPrograms(server, mesh.data('server'), log)
    await next.restore()
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ event: 'program-not-served', service: 'taken@1' }),
      expect.stringContaining('agent-mesh unserve taken@1'),
    )
    await next.remove('taken@1')
    expect(next.list().map(({ service }) => service)).toEqual(['math@2'])
    await programs.remove('taken@1')
  })

  it('refuses what has no description, a service that is served already, and methods twice', async () => {
    const url = `${urlOf(running)}/elsewhere`
    await expect(programs.serve({ service: 'x@1', url }, options)).rejects.toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('--method') as string,
    })
    await expect(
      programs.serve({ service: 'host@1', url, methods: ['info'] }, options),
    ).rejects.toMatchObject({ code: 'conflict' })
    await expect(
      programs.serve({ service: 'mcp.notes@2', url, methods: ['read'] }, options),
    ).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(programs.list()).toHaveLength(1)
  })
})
