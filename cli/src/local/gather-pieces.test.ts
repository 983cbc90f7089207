/** Small pieces that wait for a reader, in what serves requests. */
import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { connect as connectHttp2, type Http2ServerRequest } from 'node:http2'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, it } from 'vitest'

import { alsoServe } from '../gateway/first-bytes.ts'
import { serveHttp2 } from '../gateway/http2/serve-http2.ts'
import { gatherPieces } from './gather-pieces.ts'
import { handlerServer } from './handler-server.ts'

const stops: (() => void)[] = []
afterEach(() => stops.splice(0).forEach(stop => stop()))

function gathering(): Readable {
  const stream = new Readable({ read: () => {}, highWaterMark: 64 * 1024 })
  gatherPieces(stream)
  return stream
}

const bytesFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => (first + i) % 251)
const pushAll = (stream: Readable, bytes: number[]) => {
  for (const byte of bytes) stream.push(Uint8Array.of(byte))
}

it('holds single bytes in pieces of 4 KiB, in their order, and says when it is full', async () => {
  const stream = gathering()
  const bytes = bytesFrom(0, 60_000)
  pushAll(stream, bytes)
  const large = Buffer.alloc(5_000, 252)
  expect([stream.push(Buffer.alloc(100, 251)), stream.push(large)]).toEqual([true, true])
  expect([stream.push(Buffer.alloc(500, 253)), stream.push(null)]).toEqual([false, false])
  const pieces = (await stream.toArray()) as Buffer[]
  expect(pieces.length).toBeLessThan(20)
  const expected = [...bytes, ...Array<number>(100).fill(251), ...large, ...Array<number>(500).fill(253)]
  expect(Buffer.concat(pieces).equals(Buffer.from(expected))).toBe(true)
})

it('gives each reader all that came, whenever it reads', async () => {
  const stream = gathering()
  const seen: number[] = []
  const reading = (async () => {
    for await (const piece of stream as AsyncIterable<Buffer>) seen.push(...piece)
  })()
  for (let i = 0; i < 300; i++) {
    pushAll(stream, bytesFrom(i * 7, 7))
    if (i % 3 === 0) await new Promise(setImmediate)
    // A reader that waits has everything, though nothing more comes.
    if (i % 50 === 0) await expect.poll(() => seen.length).toBe((i + 1) * 7)
  }
  stream.push(null)
  await reading
  expect(seen).toEqual(bytesFrom(0, 2_100))
  const flowing = gathering()
  const told: number[] = []
  flowing.on('data', (piece: Buffer) => told.push(...piece))
  flowing.pause()
  pushAll(flowing, bytesFrom(0, 50))
  flowing.resume()
  await expect.poll(() => told.length).toBe(50)
  pushAll(flowing, bytesFrom(50, 50))
  await expect.poll(() => told.length).toBe(100)
  expect(told).toEqual(bytesFrom(0, 100))
})

/** A server whose requests nothing reads. */
async function unread(): Promise<{ port: number; asked: Promise<IncomingMessage> }> {
  const server: Server = handlerServer(() => new Promise(() => {}), 2 ** 20)
  const http2 = serveHttp2(server)
  const stop = alsoServe(server, { socks: socket => void socket.destroy(), http2: http2.serve })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(() => {
    stop()
    http2.stop()
    server.close()
    server.closeAllConnections()
  })
  const asked = once(server, 'request').then(([message]) => message as IncomingMessage)
  return { port: (server.address() as AddressInfo).port, asked }
}

/** In how many pieces a stream holds bytes of which so many have come, nearly: the last ones are not counted as held yet. */
async function piecesHeld(stream: Readable, bytes: number): Promise<number> {
  const most = { timeout: 20_000 }
  await expect.poll(() => stream.readableLength, most).toBeGreaterThanOrEqual(bytes - 4_096)
  let [pieces, read] = [0, 0]
  stream.on('data', (piece: Buffer) => {
    pieces++
    read += piece.length
  })
  await expect.poll(() => read, most).toBe(bytes)
  return pieces
}

function client(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  stops.push(() => socket.destroy())
  return socket
}

it('an unread request of HTTP/1.1 holds single bytes in few pieces', async () => {
  const { port, asked } = await unread()
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
  client(port).write(`${head}${'1\r\nx\r\n'.repeat(60_000)}`)
  expect(await piecesHeld(await asked, 60_000)).toBeLessThan(200)
})

it('an unread request of HTTP/2 holds single bytes in few pieces', async () => {
  const { port, asked } = await unread()
  const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
  stops.push(() => session.destroy())
  const sent = session.request({ ':method': 'POST' }).on('error', () => {})
  // Those that wait for one another would leave as one.
  for (let i = 0; i < 6_000; i++) await new Promise(resolve => sent.write('x', resolve))
  const { stream } = (await asked) as unknown as Http2ServerRequest
  expect(await piecesHeld(stream, 6_000)).toBeLessThan(200)
})
