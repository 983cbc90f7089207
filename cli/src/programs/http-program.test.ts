import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Tailed } from '@agent-mesh/protocol/wire/index'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { httpProgram } from './http-program.ts'

let server: Server
let url: string
/** What the program was asked last. */
let asked: { path: string; headers: IncomingMessage['headers']; body: string }
let answer: (reply: ServerResponse) => unknown

beforeEach(async () => {
  server = createServer((request, reply) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { url: path = '', headers } = request
      asked = { path, headers, body: Buffer.concat(chunks).toString() }
      answer(reply)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const methods = [
  { name: 'add', errors: { full: {} } },
  { name: 'list', yields: {}, errors: { full: {} } },
  { name: 'sum', takes: {} },
]

/** A handler of the program, as the agent runs it for a caller. */
function handler(name: string, more: object = {}, at = url) {
  const { handlers } = httpProgram({ service: 'math@1', url: `${at}/`, methods })
  const caller = { sub: 'peer-1', name: 'desk', roles: ['agent', 'admin'] }
  const context = {
    ...{ method: `math.${name}`, caller, remainingMs: Infinity, idempotent: false },
    ...{ signal: new AbortController().signal, input: [] },
    ...more,
  }
  const handle = handlers[name] as (params: unknown, context: unknown) => unknown
  return (params?: unknown) => handle(params, context)
}
const json = (value: unknown, status = 200, type = 'application/json') => {
  answer = reply => reply.writeHead(status, { 'content-type': type }).end(JSON.stringify(value))
}
const lines = (...texts: string[]) => {
  answer = reply => reply.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(texts.join('\n'))
}

/** Messages of a stream, and what it returned. */
async function collect(stream: unknown): Promise<[unknown[], unknown]> {
  const [seen, iterator] = [[] as unknown[], stream as AsyncGenerator<unknown, unknown>]
  for (;;) {
    const { done, value } = await iterator.next()
    if (done === true) return [seen, value]
    seen.push(value)
  }
}

describe('a call to a program behind HTTP', () => {
  test('is a POST of its params, with what the mesh knows of the caller', async () => {
    json({ sum: 5 })
    const more = { app: 'büro', remainingMs: 1_500, idempotent: true }
    expect(await handler('add', more)({ a: 2 })).toEqual({ sum: 5 })
    expect(asked).toMatchObject({ path: '/add', body: '{"a":2}' })
    expect(asked.headers).toMatchObject({
      ...{ 'mesh-peer': 'peer-1', 'mesh-name': 'desk', 'mesh-roles': 'agent,admin', 'mesh-app': 'b%C3%BCro' },
      ...{ 'mesh-timeout': '1500ms', 'mesh-idempotent': 'true', 'content-type': 'application/json' },
    })
    await handler('add')()
    expect(asked).toMatchObject({ body: '', headers: { 'content-length': '0' } })
    expect(asked.headers).not.toHaveProperty('mesh-timeout')
    expect(asked.headers).not.toHaveProperty('mesh-idempotent')
  })

  test('carries bytes, and JSON with bytes, both ways', async () => {
    answer = reply => reply.setHeader('content-type', 'application/octet-stream').end(Buffer.from([255, 0]))
    expect(await handler('add')(Buffer.from('raw'))).toEqual(new Uint8Array([255, 0]))
    expect(asked).toMatchObject({ body: 'raw', headers: { 'content-type': 'application/octet-stream' } })

    const tailed = 'application/vnd.agent-mesh.value+json'
    json({ value: { name: 'x' }, bytes: 'dGFpbA==' }, 200, `${tailed}; charset=utf-8`)
    const params = new Tailed({ id: 1 }, Buffer.from('tail'))
    expect(await handler('add')(params)).toEqual(new Tailed({ name: 'x' }, Buffer.from('tail')))
    expect(JSON.parse(asked.body)).toEqual({ value: { id: 1 }, bytes: 'dGFpbA==' })
    expect(asked.headers['content-type']).toBe(tailed)
  })

  test('has no result for an empty reply', async () => {
    answer = reply => reply.writeHead(204).end()
    expect(await handler('add')(1)).toBeUndefined()
  })

  test.each<[number, object, object]>([
    [409, { detail: 'is taken' }, { code: 'conflict', message: 'Cannot call math.add: is taken' }],
    [500, { title: 'Down' }, { code: 'internal', message: 'Cannot call math.add: Down' }],
    [418, {}, { code: 'application', message: 'Cannot call math.add: its program answered 418' }],
    [400, { code: 'rate_limited', hint: 'Wait.' }, { code: 'rate_limited', hint: 'Wait.' }],
    [
      422,
      { declared: 'full', details: { room: 0 } },
      { code: 'application', declared: 'full', details: { room: 0 } },
    ],
    [422, { declared: 'other' }, { code: 'invalid_argument', declared: undefined }],
    [503, { detail: 7 }, { code: 'unavailable', message: 'Cannot call math.add: its program answered 503' }],
  ])('fails with the problem of status %i', async (status, problem, error) => {
    json(problem, status, 'application/problem+json')
    await expect(handler('add')(1)).rejects.toMatchObject(error)
  })

  test.each<[string, (reply: ServerResponse) => unknown, object]>([
    [
      'a page',
      reply => reply.writeHead(404, { 'content-type': 'text/html' }).end('?'),
      { code: 'not_found' },
    ],
    [
      'a type that is no result',
      reply => reply.setHeader('content-type', 'text/html').end('?'),
      { code: 'internal' },
    ],
    [
      'what is no JSON',
      reply => reply.setHeader('content-type', 'application/json').end('{'),
      { code: 'internal' },
    ],
    [
      'a number that would become another',
      reply => reply.setHeader('content-type', 'application/json').end('12345678901234567890'),
      { code: 'internal' },
    ],
    [
      'a part of a reply',
      reply => reply.writeHead(200, { 'content-length': 9 }).write('x', () => reply.destroy()),
      { code: 'unavailable', message: 'Cannot call math.add: its program broke off' },
    ],
    ['nothing', reply => reply.destroy(), { code: 'unavailable' }],
  ])('fails when the program answers %s', async (_, reply, error) => {
    answer = reply
    await expect(handler('add')(1)).rejects.toMatchObject(error)
  })

  test('fails where no program listens, and when its caller gives up', async () => {
    const signal = AbortSignal.abort()
    await expect(handler('add', { signal })(1)).rejects.toMatchObject({ name: 'MeshError' })
    server.close()
    const refused = {
      code: 'unavailable',
      message: expect.stringContaining('nothing answers at 127.0.0.1') as string,
    }
    await expect(handler('add')(1)).rejects.toMatchObject(refused)
  })
})

describe('a stream of a program behind HTTP', () => {
  test('gives the lines of the reply, then its end', async () => {
    lines('{"value":1}', '{"bytes":"/wA="}', '{"end":{"value":"all"}}')
    expect(await collect(handler('list')('x'))).toEqual([[1, Buffer.from([255, 0])], 'all'])
    expect(asked.headers.accept).toBe('application/x-ndjson')
  })

  test('may be answered with a result alone', async () => {
    json('none')
    expect(await collect(handler('list')('x'))).toEqual([[], 'none'])
  })

  test('sends its params, then the messages of its caller', async () => {
    json(2)
    expect(await handler('sum', { input: [3, Buffer.from([255])] })({ from: 0 })).toBe(2)
    expect(
      asked.body
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as unknown),
    ).toEqual([{ from: 0 }, { value: 3 }, { bytes: '/w==' }])
  })

  test.each([
    ['an error that is declared', '{"error":{"declared":"full"}}', { code: 'application', declared: 'full' }],
    ['an unknown field', '{"values":1}', { code: 'internal' }],
    [
      'no end',
      '{"value":2}',
      { code: 'unavailable', message: 'Cannot call math.list: its program broke off' },
    ],
  ])('fails for %s behind its messages', async (_, line, error) => {
    lines('{"value":1}', line)
    const stream = handler('list')('x') as AsyncGenerator
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    await expect(collect(stream)).rejects.toMatchObject(error)
  })
})
