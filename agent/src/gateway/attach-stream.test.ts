import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError } from '@agent-mesh/protocol'
import type { ServerResponse } from 'node:http'
import { createInterface } from 'node:readline'
import * as z from 'zod/mini'
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { defineService, isErrorOf } from '../services/index.ts'
import { failing } from '../services/testing/failing.ts'
import { attach } from './attach.ts'
import { agentStatus, standInAgent } from './testing/stand-in-agent.ts'

const shelf = defineService({
  name: 'shelf',
  version: 1,
  methods: {
    list: {
      params: z.string(),
      yields: z.number(),
      result: z.string(),
      errors: { closed: z.object({ until: z.number() }) },
    },
    scan: { params: z.string(), yields: z.instanceof(Uint8Array), result: z.string() },
    add: { params: z.string(), takes: z.number(), result: z.number() },
  },
})

type Line = Record<string, unknown>

let folder: string
let stop: () => Promise<void>
/** The first line of a stream, then the messages of its input. */
let asked: Line[]
/** What the agent answers to the first line. */
let answer: (first: Line, reply: ServerResponse, input: AsyncIterable<string>) => unknown
/** Resolves when the program has left its stream. */
let left: PromiseWithResolvers<void>

const send = (reply: ServerResponse, ...lines: Line[]) =>
  void reply.write(lines.map(line => `${JSON.stringify(line)}\n`).join(''))
const end = (value: unknown) => ({ end: { value, ms: 1 } })

beforeEach(async () => {
  asked = []
  left = Promise.withResolvers()
  const agent = await standInAgent((request, response) => {
    if (request.url === '/v1/status') return void response.end(JSON.stringify(agentStatus))
    response.once('close', () => left.resolve())
    const lines = createInterface({ input: request })[Symbol.asyncIterator]()
    void lines.next().then(({ value }: IteratorResult<string, unknown>) => {
      const first = JSON.parse(String(value)) as Line
      asked.push(first)
      return answer(first, response, { [Symbol.asyncIterator]: () => lines })
    })
  })
  folder = agent.folder
  stop = agent.stop
})
afterEach(() => stop())

const opened = () => attach({ data: folder, contracts: [shelf] })

describe('a stream of an attached program', () => {
  test('gives the messages of its handler, typed and checked, then its result', async () => {
    answer = (_, reply) => {
      send(reply, { value: 1 }, { value: 2 }, end('all'))
      reply.end()
    }
    const stream = (await opened()).stream('shelf.list', 'top', { timeout: 60_000 })
    const seen: number[] = []
    for await (const each of stream) seen.push(each)
    expectTypeOf(await stream.result).toEqualTypeOf<string>()
    expect([seen, await stream.result]).toEqual([[1, 2], 'all'])
    const [{ timeoutMs, ...first } = {}] = asked
    expect(first).toEqual({ method: 'shelf@1.list', params: 'top' })
    expect(timeoutMs).toBeGreaterThan(30_000)
    expect(timeoutMs).toBeLessThanOrEqual(60_000)
  })

  test('gives its result although no message is read', async () => {
    answer = (_, reply) => {
      send(reply, end('none'))
      reply.end()
    }
    expect(await (await opened()).stream('shelf.list', 'top').result).toBe('none')
  })

  test('names the member it is for, and carries bytes', async () => {
    answer = (_, reply) => {
      send(reply, { bytes: '/wA=' }, end('all'))
      reply.end()
    }
    const stream = (await opened()).stream('shelf.scan', 'box', { peer: 'attic' })
    expect(await stream.next()).toEqual({ done: false, value: Buffer.from([255, 0]) })
    expect(asked).toEqual([{ method: 'shelf@1.scan', params: 'box', peer: 'attic' }])
  })

  test('sends its input as the handler asks for it, and its end', async () => {
    answer = async (_, reply, input) => {
      for await (const text of input) asked.push(JSON.parse(text) as Line)
      send(reply, end(asked.length - 1))
      reply.end()
    }
    const stream = (await opened()).stream('shelf.add', 'low', { input: [3, 4] })
    expect(await stream.result).toBe(2)
    expect(asked).toEqual([{ method: 'shelf@1.add', params: 'low', input: true }, { value: 3 }, { value: 4 }])
  })

  test('fails with what its input throws, and is left', async () => {
    const heard = Promise.withResolvers<void>()
    answer = (_, reply) => {
      reply.flushHeaders()
      heard.resolve()
    }
    const input = (async function* () {
      yield 1
      await heard.promise
      await Promise.reject(new Error('no more paper'))
    })()
    const stream = (await opened()).stream('shelf.add', 'low', { input })
    await expect(stream.result).rejects.toEqual(failing('application', 'no more paper'))
    await left.promise
  })

  test('fails with the error that its contract declares, behind the messages before', async () => {
    answer = (_, reply) => {
      const closed = { declared: 'closed', details: { until: 9 }, told: true }
      send(
        reply,
        { value: 1 },
        { error: problemOf(new MeshError('application', 'Cannot list: closed', closed)) },
      )
      reply.end()
    }
    const stream = (await opened()).stream('shelf.list', 'top')
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    const error = await stream.next().catch((thrown: unknown) => thrown)
    expect(isErrorOf(shelf, 'list', error) && error.details).toEqual({ until: 9 })
    await expect(stream.result).rejects.toEqual(failing('application', 'closed'))
  })

  test.each<[string, string, unknown]>([
    ['ends without its last line', '{"value":1}\n', failing('unavailable', 'the agent has stopped')],
    ['is no JSON', 'later\n', failing('protocol_error')],
    ['carries what its contract does not', '{"value":"one"}\n', failing('protocol_error')],
  ])('fails when the reply %s', async (_, text, expected) => {
    answer = (_, reply) => reply.end(text)
    const stream = (await opened()).stream('shelf.list', 'top')
    const read = (async () => {
      for await (const each of stream) expect(each).toBe(1)
    })()
    await expect(read).rejects.toEqual(expected)
    await expect(stream.result).rejects.toEqual(expected)
    await left.promise
  })

  test('fails as the agent refuses it', async () => {
    answer = (_, reply) => {
      const problem = problemOf(new MeshError('permission_denied', 'Cannot stream shelf.list: not allowed'))
      reply.writeHead(problem.status).end(JSON.stringify(problem))
    }
    const stream = (await opened()).stream('shelf.list', 'top')
    await expect(stream.next()).rejects.toEqual(failing('permission_denied', 'not allowed'))
  })

  test('is refused with metadata, which the socket does not carry', async () => {
    const stream = (await opened()).stream('shelf.list', 'top', { metadata: { a: 'b' } })
    await expect(stream.next()).rejects.toEqual(failing('unsupported', 'no metadata'))
    expect(asked).toEqual([])
  })

  test('that is cancelled, or whose reader leaves, is left at the agent', async () => {
    answer = (_, reply) => send(reply, { value: 1 })
    const cancelled = (await opened()).stream('shelf.list', 'top')
    expect(await cancelled.next()).toEqual({ done: false, value: 1 })
    cancelled.cancel()
    await expect(cancelled.result).rejects.toEqual(failing('cancelled'))
    await left.promise

    left = Promise.withResolvers()
    const unread = (await opened()).stream('shelf.list', 'top')
    for await (const each of unread) {
      expect(each).toBe(1)
      break
    }
    await expect(unread.result).rejects.toEqual(failing('cancelled'))
    await left.promise
  })
})
