/** A real WebSocket server plays the control plane. */
import { createLogger } from '@agent-mesh/agent'
import { formatMapCursor, type MapMessage } from '@agent-mesh/protocol'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { Watch, type WatchInit } from './watch.ts'

let server: WebSocketServer
let sockets: WebSocket[]
let headers: (string | undefined)[]
let received: MapMessage[]
let watch: Watch | undefined

beforeEach(async () => {
  sockets = []
  headers = []
  received = []
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  server.on('connection', (socket, { headers: { authorization } }) => {
    sockets.push(socket)
    headers.push(authorization)
  })
})
afterEach(async () => {
  await watch?.stop()
  for (const socket of sockets) socket.terminate()
  server.close()
})

const url = () => new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/watch`)
const until = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 10 })
const cursor = (v: number) => formatMapCursor({ epoch: 'one', v: new Array<number>(16).fill(v) })
const changes = (v: number): MapMessage => ({
  type: 'changes',
  page: { changes: [], next: cursor(v), more: false },
})

function start(init: Partial<WatchInit> = {}): Watch {
  watch = new Watch({
    target: () => Promise.resolve({ url: url(), headers: { authorization: 'Mesh proof' } }),
    onMessage: message => {
      received.push(message)
      return Promise.resolve()
    },
    log: createLogger('test', 'silent'),
    ...init,
  })
  watch.start()
  return watch
}

describe('Watch', () => {
  test('proves who asks and hands on what is pushed, in order', async () => {
    const { connected } = start()
    expect(connected).toBe(false)
    await until(() => expect(watch?.connected).toBe(true))
    expect(headers).toEqual(['Mesh proof'])
    for (const v of [1, 2, 3]) sockets[0]?.send(JSON.stringify(changes(v)))
    await until(() => expect(received).toEqual([1, 2, 3].map(changes)))
  })

  test('takes one message in before it begins with the next', async () => {
    const { promise: slow, resolve } = Promise.withResolvers<void>()
    start({
      onMessage: async message => {
        if (received.length === 0) await slow
        received.push(message)
      },
    })
    await until(() => expect(sockets).toHaveLength(1))
    for (const v of [1, 2]) sockets[0]?.send(JSON.stringify(changes(v)))
    // Both have arrived when the server receives the answer to a later ping.
    sockets[0]?.ping()
    await once(sockets[0]!, 'pong')
    expect(received).toEqual([])
    resolve()
    await until(() => expect(received).toEqual([1, 2].map(changes)))
  })

  test('leaves out what is no message of the protocol, and what is refused, and goes on', async () => {
    start({
      onMessage: message => {
        received.push(message)
        return received.length === 1 ? Promise.reject(new Error('refused')) : Promise.resolve()
      },
    })
    await until(() => expect(sockets).toHaveLength(1))
    for (const text of [
      'not JSON',
      '{"type":"surprise"}',
      JSON.stringify(changes(1)),
      JSON.stringify(changes(2)),
    ])
      sockets[0]?.send(text)
    await until(() => expect(received).toEqual([1, 2].map(changes)))
    expect(watch?.connected).toBe(true)
  })

  test('connects again when the connection is lost, asking anew where to', async () => {
    let asked = 0
    start({
      target: () => {
        asked++
        return Promise.resolve({ url: url(), headers: {} })
      },
    })
    await until(() => expect(sockets).toHaveLength(1))
    sockets[0]?.terminate()
    await until(() => expect(sockets).toHaveLength(2))
    expect(asked).toBe(2)
  })

  test('connects again when the connection is open and silent, and keeps one that is pinged', async () => {
    let found = 0
    start({ silenceMs: 1_500, onSilent: () => found++ })
    await until(() => expect(sockets).toHaveLength(2))
    expect(found).toBe(1)
    const pings = setInterval(() => sockets[1]?.ping(), 200)
    const later = performance.now() + 3_000
    await until(() => expect(performance.now()).toBeGreaterThan(later)).finally(() => clearInterval(pings))
    expect(sockets).toHaveLength(2)
    await until(() => expect(sockets).toHaveLength(3))
  })

  test('keeps trying while nobody says where to connect, or it cannot', async () => {
    const answers = [
      () => Promise.reject(new Error('bootstrap is away')),
      () => Promise.resolve(undefined),
      () => Promise.resolve({ url: new URL('ws://127.0.0.1:1/'), headers: {} }),
    ]
    start({ target: () => (answers.shift() ?? (() => Promise.resolve({ url: url(), headers: {} })))() })
    await until(() => expect(watch?.connected).toBe(true))
  })

  test('opens one connection however often it is started, and none after its stop', async () => {
    start().start()
    await until(() => expect(watch?.connected).toBe(true))
    await watch?.stop()
    watch?.start()
    await until(() => expect(server.clients.size).toBe(0))
    expect(sockets).toHaveLength(1)
  })
})
