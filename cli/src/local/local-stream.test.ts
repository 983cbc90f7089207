import { socketPath } from '@agent-mesh/agent/gateway/local-address'
import { MeshError } from '@agent-mesh/protocol/errors'
import { localValue, type LocalValue } from '@agent-mesh/protocol/local-value'
import { Tailed } from '@agent-mesh/protocol/wire/index'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { localClient } from './local-client.ts'
import type { LocalDaemon, StreamOptions } from './local-daemon.ts'
import { serveLocal, type LocalServer } from './local-server.ts'

const failing = (code: string) => expect.objectContaining({ code }) as unknown

/** Messages that the endless method has made. */
let made = 0
let entered: PromiseWithResolvers<void>
let cancelled: PromiseWithResolvers<void>

async function* streamOf(method: string, params: unknown, { signal, input }: StreamOptions) {
  if (method === 'test.echo') {
    let count = 0
    for await (const message of input ?? []) {
      count++
      yield localValue(message)
    }
    yield { end: { value: count, peerId: 'p', ms: 1 } }
  } else if (method === 'test.fail') {
    yield localValue(params)
    throw new MeshError('application', 'Cannot continue: full', { hint: 'Wait.', declared: 'full' })
  } else if (method === 'test.endless') {
    signal.addEventListener('abort', () => cancelled.resolve())
    for (; !signal.aborted; made++) yield { value: 'x'.repeat(1_000) }
  } else {
    signal.addEventListener('abort', () => cancelled.resolve())
    entered.resolve()
    await cancelled.promise
  }
}

const daemon: Partial<LocalDaemon> = {
  stream: ({ method, params }, options) => streamOf(method, params, options),
}

let folder = ''
let server: LocalServer
beforeEach(async () => {
  made = 0
  entered = Promise.withResolvers()
  cancelled = Promise.withResolvers()
  folder = await mkdtemp(join(tmpdir(), 'local-stream-'))
  server = await serveLocal(folder, daemon as LocalDaemon)
})
afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function* these(values: readonly LocalValue[]): AsyncGenerator<LocalValue> {
  for (const value of values) yield await Promise.resolve(value)
}

async function collect(stream: AsyncGenerator<LocalValue, unknown>): Promise<[LocalValue[], unknown]> {
  const seen: LocalValue[] = []
  for (;;) {
    const { done, value } = await stream.next()
    if (done === true) return [seen, value]
    seen.push(value as LocalValue)
  }
}

/** Lines of the reply to these lines. */
async function reply(...lines: string[]): Promise<{ status: number; lines: unknown[] }> {
  const sent = request({ socketPath: socketPath(folder), method: 'POST', path: '/v1/stream', agent: false })
  // A refused body is not read to its end.
  sent.on('error', () => undefined).end(lines.join('\n'))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const text = Buffer.concat(await answer.toArray()).toString()
  return {
    status: answer.statusCode ?? 0,
    lines: text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as unknown),
  }
}

describe('a stream on the local socket', () => {
  it('carries JSON and bytes both ways, and how it ended', async () => {
    const messages = [
      localValue({ a: ['ü', null] }),
      localValue(Buffer.from([0, 255, 10])),
      localValue(new Tailed({ name: 'x' }, Buffer.from('tail'))),
      localValue('line\nbreak'),
      localValue(0),
    ]
    const stream = localClient(folder).stream({ method: 'test.echo' }, these(messages))
    expect(await collect(stream)).toEqual([messages, { value: 5, peerId: 'p', ms: 1 }])
  })

  it('answers before its input has ended', async () => {
    const gate = Promise.withResolvers<void>()
    const input = (async function* () {
      yield { value: 1 }
      await gate.promise
    })()
    const stream = localClient(folder).stream({ method: 'test.echo' }, input)
    expect(await stream.next()).toEqual({ done: false, value: { value: 1 } })
    gate.resolve()
    expect(await stream.next()).toMatchObject({ done: true, value: { value: 1 } })
  })

  it('ends with the error of its handler, behind its messages', async () => {
    const stream = localClient(folder).stream({ method: 'test.fail', params: 'first' })
    expect(await stream.next()).toEqual({ done: false, value: { value: 'first' } })
    await expect(stream.next()).rejects.toMatchObject({
      ...{ code: 'application', message: 'Cannot continue: full', hint: 'Wait.', declared: 'full' },
    })
  })

  it('holds its handler back while its client does not read', async () => {
    const stream = localClient(folder).stream({ method: 'test.endless' })
    await stream.next()
    let before = -1
    await vi.waitUntil(
      () => {
        const still = before === made
        before = made
        return still
      },
      { timeout: 30_000, interval: 100 },
    )
    expect(made).toBeLessThan(20_000)
    for (let n = 0; n < before + 1_000; n++) expect((await stream.next()).done).toBe(false)
    await stream.return(undefined as never)
    await cancelled.promise
  })

  it.each<[string, (abort: AbortController, stream: AsyncGenerator) => unknown]>([
    ['aborts', abort => abort.abort()],
    ['leaves', (_, stream) => stream.return(undefined)],
  ])('cancels at the agent when its client %s', async (_, leave) => {
    const abort = new AbortController()
    const stream = localClient(folder, abort.signal).stream({ method: 'test.endless' })
    await stream.next()
    await leave(abort, stream)
    await cancelled.promise
  })

  it('cancels while no message comes', async () => {
    const abort = new AbortController()
    const next = localClient(folder, abort.signal).stream({ method: 'test.hang' }).next()
    next.catch(() => undefined)
    await entered.promise
    abort.abort()
    await expect(next).rejects.toEqual(failing('cancelled'))
    await cancelled.promise
  })

  it('is cancelled, not broken, for a client that aborts between messages', async () => {
    const abort = new AbortController()
    const stream = localClient(folder, abort.signal).stream({ method: 'test.endless' })
    await stream.next()
    abort.abort()
    await expect(collect(stream)).rejects.toEqual(failing('cancelled'))
  })

  it('fails with what its input throws, and cancels at the agent', async () => {
    const input = (async function* () {
      yield { value: 1 }
      await entered.promise
      await Promise.reject(new MeshError('not_found', 'Cannot read x: there is no such file'))
    })()
    const stream = localClient(folder).stream({ method: 'test.hang' }, input)
    await expect(stream.next()).rejects.toEqual(failing('not_found'))
    await cancelled.promise
  })

  it('says so when its process stops', async () => {
    const stream = localClient(folder).stream({ method: 'test.endless' })
    await stream.next()
    await server.stop()
    await expect(collect(stream)).rejects.toEqual(failing('unavailable'))
  })

  it.each([
    ['nothing', [''], 400],
    ['what is not JSON', ['{'], 400],
    ['an unknown field', ['{"method":"a.b","x":1}'], 400],
    ['what is no base64', ['{"method":"a.b","bytes":"a"}'], 400],
    ['a number that would become another', ['{"method":"a.b","params":12345678901234567890}'], 400],
    ['a line over the limit', [`{"method":"a.b","params":"${'x'.repeat(3 * 1024 * 1024)}"}`], 413],
  ])('refuses %s with a problem document', async (_, lines, status) => {
    expect(await reply(...lines)).toMatchObject({
      status,
      lines: [{ status, detail: expect.stringMatching(/^Cannot /) as string }],
    })
  })

  it.each(['{', '{"value":1,"x":2}', '{"bytes":"%"}'])('ends at the message %s', async line => {
    const { status, lines } = await reply('{"method":"test.echo","input":true}', '{"value":1}', line)
    expect([status, lines]).toEqual([200, [{ value: 1 }, { error: failing('invalid_argument') }]])
  })

  it('is refused by a process that is no agent', async () => {
    await server.stop()
    server = await serveLocal(folder, {} as LocalDaemon)
    const stream = localClient(folder).stream({ method: 'test.echo' })
    await expect(stream.next()).rejects.toEqual(failing('unsupported'))
  })

  it('says that nothing runs', async () => {
    await server.stop()
    const stream = localClient(folder).stream({ method: 'test.echo' })
    await expect(stream.next()).rejects.toMatchObject({
      ...{ code: 'unavailable', hint: expect.stringContaining('agent-mesh up') as string },
    })
  })
})
