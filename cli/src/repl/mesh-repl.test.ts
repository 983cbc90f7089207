import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalCallRequest } from '@agent-mesh/protocol/local-api'
import type { LocalStreamRequest } from '@agent-mesh/protocol/local-stream'
import type { LocalPublishRequest, LocalSubscribeRequest } from '@agent-mesh/protocol/local-topics'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import type { LocalDaemon, StreamOptions } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { MeshRepl } from './mesh-repl.ts'

let folder: string
let server: LocalServer
let called: LocalCallRequest[]
let cancelled: string[]
let published: LocalPublishRequest[]

const described = {
  services: [
    {
      service: 'math@1',
      methods: [
        { name: 'add' },
        { name: 'addAll' },
        { name: 'fail' },
        { name: 'wait' },
        { name: 'count', yields: {} },
      ],
    },
  ],
}

/** An agent that serves `math`, as its socket shows it. */
const daemon = {
  services: () => [{ service: 'math@1', providers: [{ peerId: 'p', name: 'one', online: true }] }],
  peers: () => [],
  call: async (request: LocalCallRequest, { signal }: { signal: AbortSignal }) => {
    if (request.method === 'host.describe') return { value: described, peerId: 'p', ms: 1 }
    called.push(request)
    if (request.method === 'math.fail')
      throw new MeshError('conflict', 'Cannot add: \u001b[2J', { hint: 'Do not.' })
    if (request.method === 'math.wait')
      await new Promise(resolve => signal.addEventListener('abort', () => resolve(cancelled.push('wait'))))
    const { a = 0, b = 0 } = (request.params ?? {}) as { a?: number; b?: number }
    return { value: { sum: a + b, text: '\u001b[31m\u202e' }, peerId: 'p', ms: 1 }
  },
  stream: async function* ({ params }: LocalStreamRequest, { input, signal }: StreamOptions) {
    const { to = 0 } = (params ?? {}) as { to?: number }
    for (let n = 1; n <= to && !signal.aborted; n++) yield { value: n }
    for await (const message of input ?? []) yield { value: message }
    yield { end: { value: 'counted', ms: 1 } }
  },
  publish: (request: LocalPublishRequest) => {
    published.push(request)
    return Promise.resolve({ acks: request.acks ?? 0 })
  },
  subscribe: async function* ({ topic }: LocalSubscribeRequest, { signal }: { signal: AbortSignal }) {
    yield { subscribed: true }
    const common = { topic, from: { peerId: 'p', name: 'one' }, at: 1 }
    yield { ...common, value: { free: 1 }, retained: true, lost: 0 }
    yield { ...common, bytes: 'AQI=', retained: false, lost: 3 }
    await new Promise(resolve => signal.addEventListener('abort', () => resolve(cancelled.push(topic))))
  },
} as Partial<LocalDaemon> as LocalDaemon

beforeEach(async () => {
  called = []
  cancelled = []
  published = []
  folder = await mkdtemp(join(tmpdir(), 'repl-'))
  server = await serveLocal(folder, daemon)
})
afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A prompt, what is typed at it, and what it has shown. */
function open(interactive: boolean) {
  const [input, output] = [new PassThrough(), new PassThrough()]
  let text = ''
  output.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ending = new AbortController()
  const history = join(folder, 'repl-history')
  const ended = new MeshRepl({ folder, history, input, output, interactive, signal: ending.signal }).run()
  const shows = (wanted: string | RegExp) =>
    vi.waitUntil(() => text.match(wanted) !== null, { timeout: 30_000 })
  return { input, ended, shows, ending, text: () => text }
}

test('runs the lines of its input, with services as objects and results awaited', async () => {
  const { input, ended, text } = open(false)
  input.end(`
    math.add({ a: 1, b: 2 }, { peer: 'one', timeout: 500 })
    const { sum } = await services['math@1'].add({ a: 3 })
    sum + 1
    await call('math.add')
    await peers()
  `)
  expect(await ended).toBe(true)
  expect(text()).toBe(String.raw`{ sum: 3, text: '\x1B[31m\u202e' }
4
{ sum: 0, text: '\x1B[31m\u202e' }
[]
`)
  expect(called[0]).toEqual({ method: 'math.add', params: { a: 1, b: 2 }, peer: 'one', timeoutMs: 500 })
})

test('shows the messages of a stream and what it returned, and lets lines iterate it', async () => {
  const { input, ended, text } = open(false)
  input.end(`
    math.count({ to: 2 }, { input: ['more'] })
    const counted = math.count({ to: 9 })
    for await (const n of counted) if (n > 3) { output = n; break }
    output
    await stream('math@1.count', { to: 0 }).result
  `)
  expect(await ended).toBe(true)
  expect(text()).toBe(`1\n2\n'more'\n'counted'\n4\n'counted'\n`)
})

test('publishes, and shows or iterates the messages of a topic', async () => {
  const { input, ended, text } = open(false)
  input.end(`
    await publish('alerts.disk', { free: 12 }, { acks: 2, timeout: 500 })
    for await (const { topic, from, value, lost } of subscribe('alerts.*')) if (lost) { output = [topic, from, value, lost]; break }
    output
  `)
  expect(await ended).toBe(true)
  expect(published).toEqual([{ topic: 'alerts.disk', value: { free: 12 }, acks: 2, timeoutMs: 500 }])
  expect(text()).toBe(`2\n[ 'alerts.*', 'one', <Buffer 01 02>, 3 ]\n`)
  await vi.waitUntil(() => cancelled.includes('alerts.*'), { timeout: 30_000 })
})

test('shows messages of a topic as they come, until Ctrl-C', async () => {
  const { input, ended, shows } = open(true)
  await shows('mesh> ')
  input.write(`subscribe('alerts.*', { group: 'pagers' })\n`)
  await shows(`{ topic: 'alerts.*', from: 'one', value: { free: 1 }, retained: true }`)
  input.write('\u0003')
  await vi.waitUntil(() => cancelled.includes('alerts.*'), { timeout: 30_000 })
  input.write('.exit\n')
  await ended
})

test('shows an error with its hint and without the control characters of others, and goes to the next line', async () => {
  const { input, ended, text } = open(false)
  input.end('math.fail()\nawait math.fail()\n1 + 1\n')
  expect(await ended).toBe(false)
  expect(text()).toBe(`${'error: conflict: Cannot add: \\x1b[2J\nDo not.\n'.repeat(2)}2\n`)
})

test.each([
  'unknown.method()',
  `throw new Error('at once')`,
  `await Promise.reject(new Error('later'))`,
  'await null.x',
])('a line that throws counts as failed: %s', async line => {
  const { input, ended, text } = open(false)
  input.end(`${line}\n1 + 1\n`)
  expect(await ended).toBe(false)
  expect(text()).toMatch(/^Uncaught[^]*Error[^]*\n2\n$/)
})

test('completes services and methods, keeps lines for its owner alone, and cancels with Ctrl-C', async () => {
  const { input, ended, shows, text } = open(true)
  await shows('mesh> ')
  input.write('math.ad')
  await shows('math.ad')
  // Keys that arrive together are text that was pasted.
  await vi.waitUntil(() => input.write('\t') && /math\.add\s+math\.addAll/.test(text()), { timeout: 30_000 })
  input.write('({ a: 5 })\n')
  await shows('sum: 5')
  input.write('math.wait()\n')
  await vi.waitUntil(() => called.length === 2, { timeout: 30_000 })
  input.write('\u0003')
  await vi.waitUntil(() => cancelled.length === 1, { timeout: 30_000 })
  input.write('.exit\n')
  await ended
  const history = join(folder, 'repl-history')
  // Written soon after each line.
  await vi.waitUntil(async () => (await readFile(history, 'utf8')).includes('math.add({ a: 5 })'), {
    timeout: 10_000,
  })
  expect((await stat(history)).mode & 0o077).toBe(0)
})

test('ends with its signal, and is refused where nothing runs', async () => {
  const { shows, ended, ending } = open(true)
  await shows('mesh> ')
  ending.abort()
  await ended
  await server.stop()
  await expect(open(false).ended).rejects.toThrow(/runs/)
})

test.each([
  ['math.add({ a: 10n })', 'the params of math.add as JSON: params.a is the BigInt 10'],
  ['math.add({ a: NaN })', 'params.a is NaN'],
  ['await call("math.add", new Map())', 'params is an instance of Map'],
  ['math.count({ to: NaN })', 'params.to is NaN'],
  ['math.count({}, { input: [NaN] })', 'message is NaN'],
  ['publish("alerts", { free: NaN })', 'message.free is NaN'],
])('%s is refused, as in a program', async (line, reason) => {
  const { input, ended, text } = open(false)
  input.end(`${line}\n`)
  expect(await ended).toBe(false)
  expect(text()).toMatch(/^error: invalid_argument: Cannot encode /)
  expect(text()).toContain(reason)
  expect([called, published]).toEqual([[], []])
})

test('sends bytes as they are', async () => {
  const { input, ended } = open(false)
  input.end('math.add(Buffer.of(1, 2))\n')
  expect(await ended).toBe(true)
  expect(called).toEqual([{ method: 'math.add', bytes: 'AQI=', timeoutMs: 10_000 }])
})

test('runs many lines without a listener for each', async () => {
  const warnings: Error[] = []
  const warned = (warning: Error) => void warnings.push(warning)
  process.on('warning', warned)
  const { input, ended, text } = open(false)
  input.end('1 + 1\n'.repeat(20))
  expect(await ended).toBe(true)
  process.off('warning', warned)
  expect(text()).toBe('2\n'.repeat(20))
  expect(warnings).toEqual([])
})

test('ends where a line leaves the prompt', async () => {
  const { input, ended, text } = open(false)
  input.end('1\n.exit\n2\n')
  expect(await ended).toBe(true)
  expect(text()).toBe('1\n')
})
