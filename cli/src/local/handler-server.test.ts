import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, it } from 'vitest'

import { passedTrace } from '@agent-mesh/agent/observe/passed-trace'

import { handlerServer, json, routed, type Routes } from './handler-server.ts'

const stops: (() => void)[] = []
afterEach(() => stops.splice(0).forEach(stop => stop()))

async function serve(routes: Routes, maxBytes = 10): Promise<string> {
  const server = handlerServer(routed(routes), maxBytes).listen(0, '127.0.0.1')
  stops.push(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const echo: Routes = { 'POST /echo': async ({ text }) => ({ type: 'text/plain', body: await text() }) }

it('a handler is given the body, whatever the query', async () => {
  const url = await serve(echo)
  const reply = await fetch(`${url}/echo?x=1`, { method: 'POST', body: '0123456789' })
  expect(await reply.text()).toBe('0123456789')
  expect(reply.headers.get('content-type')).toBe('text/plain')
})

it('a reply continues the trace of its request, also one that is made while it is sent', async () => {
  const traced = () => passedTrace()?.trace?.spanId ?? 'none'
  async function* lines() {
    yield `${traced()} `
    yield await Promise.resolve(traced())
  }
  const url = await serve({
    'GET /whole': () => ({ type: 'text/plain', body: traced() }),
    'GET /lines': () => ({ type: 'text/plain', body: Readable.from(lines()) }),
  })
  const text = async (path: string, headers = {}) => (await fetch(`${url}${path}`, { headers })).text()
  const spanId = 'b'.repeat(16)
  const headers = { traceparent: `00-${'a'.repeat(32)}-${spanId}-01` }
  expect(await text('/whole', headers)).toBe(spanId)
  expect(await text('/lines', headers)).toBe(`${spanId} ${spanId}`)
  expect(await text('/lines')).toBe('none none')
})

it('a body over the limit is refused, announced or not, and the connection ends', async () => {
  const url = await serve(echo)
  const announced = { method: 'POST', body: '0123456789a' }
  const pieces = { method: 'POST', body: Readable.toWeb(Readable.from(['01234', '56789a'])), duplex: 'half' }
  for (const init of [announced, pieces]) {
    const reply = await fetch(`${url}/echo`, init as RequestInit)
    expect(reply.status).toBe(413)
    expect(reply.headers.get('content-type')).toBe('application/problem+json')
    expect(await reply.json()).toMatchObject({ code: 'too_large' })
  }
  expect((await fetch(`${url}/echo`, announced)).headers.get('connection')).toBe('close')
})

it('requests that wait behind others end with their connection', async () => {
  const [started, ended] = [new Set<AbortSignal>(), new Set<AbortSignal>()]
  const waiting: Routes = {
    'GET /wait': ({ signal }) => {
      started.add(signal)
      signal.addEventListener('abort', () => ended.add(signal))
      return new Promise(() => {})
    },
  }
  const { port, hostname } = new URL(await serve(waiting))
  const client = connect(Number(port), hostname)
  client.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5))
  await expect.poll(() => started.size).toBe(5)
  client.destroy()
  await expect.poll(() => ended.size).toBe(5)
})

it('a client that sends more than is read has the reply all the same', async () => {
  const url = new URL(await serve(echo))
  const bytes = 16 * 1024 * 1024
  /** Why it could not send, or the reply. */
  const sending = async (): Promise<string> => {
    const socket = connect(Number(url.port), url.hostname)
    const failed = once(socket, 'error').then(([error]) => String(error))
    const told = once(socket, 'data').then(([head]) => String(head), String)
    const sent = new Promise<undefined>(resolve => socket.once('drain', () => resolve(undefined)))
    socket.write(`POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes}\r\n\r\n`)
    socket.write(Buffer.alloc(bytes))
    try {
      return (await Promise.race([failed, sent])) ?? (await told)
    } finally {
      socket.destroy()
    }
  }
  // It is read for 2 s, which a busy machine may need for less than all of it: a try that failed sooner failed for another reason.
  let outcome = ''
  for (let tries = 0, ms = Infinity; tries < 5 && ms > 1_500 && !outcome.startsWith('HTTP'); tries++) {
    const began = performance.now()
    outcome = await sending()
    ms = performance.now() - began
  }
  expect(outcome).toMatch(/^HTTP\/1\.1 413 /)
})

it.each([
  ['/echo', /^HTTP\/1\.1 100 /],
  ['/nothing', /^HTTP\/1\.1 404 /],
])(
  'a client that holds its body back for %s is asked for it only when it is wanted',
  async (path, expected) => {
    const url = new URL(await serve(echo))
    const socket = connect(Number(url.port), url.hostname)
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    expect(head.toString()).toMatch(expected)
    socket.destroy()
  },
)

it('HEAD is told what GET would be', async () => {
  const url = await serve({ 'GET /state': () => json({ ready: false }, 503) })
  const reply = await fetch(`${url}/state`, { method: 'HEAD' })
  expect([reply.status, await reply.text()]).toEqual([503, ''])
})

it.each(['/constructor', '/', '//', '/state/'])('%s is no route', async path => {
  const url = await serve({ 'GET /state': () => json({}) })
  const reply = await fetch(url + path)
  expect(reply.status).toBe(404)
  expect(await reply.json()).toMatchObject({ code: 'not_found' })
})

it('a stream that fails in the middle breaks the connection: its reader must not take it for whole', async () => {
  const failing = () =>
    Readable.from(
      (async function* () {
        yield 'begin'
        await Promise.resolve()
        throw new Error('lost')
      })(),
      { objectMode: false },
    )
  const url = await serve({ 'GET /lines': () => ({ type: 'text/plain', body: failing() }) })
  await expect(fetch(`${url}/lines`).then(reply => reply.text())).rejects.toThrow()
})
