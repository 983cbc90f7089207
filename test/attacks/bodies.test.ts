/** Bodies too large, too slow, or never ending, on the HTTP port of a real control plane. */
import { apiRoutes, limits } from '@agent-mesh/protocol'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestPlane, type TestPlane } from '../integration/control-plane-fixture.ts'
import { testKey } from '../support/mesh-fixture.ts'
import { quickest } from '../support/quickest.ts'

/** Short, so that slow requests are seen to end. */
const requestMs = 1_500

let mesh: TestPlane
beforeAll(async () => void (mesh = await startTestPlane({ requestMs })))
afterAll(() => mesh.stop())

interface Line {
  socket: Socket
  /** The whole reply, once the other side has closed, and the milliseconds until then. */
  over: Promise<{ said: string; ms: number }>
}

function open(first: string): Line {
  const { hostname, port } = new URL(mesh.plane.url)
  const socket = connect(Number(port), hostname)
  const began = performance.now()
  let said = ''
  socket.on('data', chunk => (said += chunk.toString('latin1')))
  socket.on('error', () => {})
  // An empty write would keep the socket from ever saying that it closed.
  if (first !== '') socket.write(first, 'latin1')
  const over = new Promise<{ said: string; ms: number }>(resolve =>
    socket.on('close', () => resolve({ said, ms: performance.now() - began })),
  )
  return { socket, over }
}

/** What a request for `/v1/enrol` begins with: any holder of a key can sign this much, but not the body. */
const post = async (headers: string) => {
  const { signer } = await testKey()
  const authorization = await mesh.authorization(signer, 'POST', new URL('/v1/enrol', mesh.plane.url))
  return `POST /v1/enrol HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n${headers}\r\n\r\n`
}

/** Writes `piece` repeatedly until the other side closes. @returns the bytes that it accepted */
async function pour({ socket, over }: Line, piece: Buffer, most: number): Promise<number> {
  let sent = 0
  let ended = false
  void over.then(() => (ended = true))
  while (!ended && sent < most) {
    sent += piece.length
    if (!socket.write(piece))
      await Promise.race([over, new Promise(resolve => socket.once('drain', resolve))])
  }
  return sent
}

const healthy = async () => {
  const began = performance.now()
  expect(await mesh.ask(undefined, 'GET', '/health')).toMatchObject({ status: 200 })
  return performance.now() - began
}

describe('an oversize body', () => {
  test('that is announced is refused before it is sent', async () => {
    const line = open(await post(`content-length: ${limits.smallRequestBytes + 1}\r\nconnection: close`))
    expect((await line.over).said).toMatch(/^HTTP\/1\.1 413 .*too_large/s)
  })

  test('in chunks is refused at its limit, however long it would go on', async () => {
    const line = open(await post('transfer-encoding: chunked\r\nconnection: close'))
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`)
    const sent = await pour(line, chunk, 64 * limits.requestBytes)
    expect(sent).toBeLessThan(64 * limits.requestBytes)
    expect((await line.over).said).toMatch(/^HTTP\/1\.1 413 /)
  })

  test('of header lines is refused, too', async () => {
    const line = open('GET /v1/bootstrap HTTP/1.1\r\nhost: x\r\n')
    await pour(line, Buffer.from(`x-a: ${'y'.repeat(1000)}\r\n`), 16 * 1024 * 1024)
    expect((await line.over).said).toMatch(/^HTTP\/1\.1 431 /)
  })

  test('that is deep, not long, ends in a problem and in no defect', async () => {
    const key = mesh.admin
    for (const raw of ['['.repeat(200_000), `{"a":`.repeat(50_000), `"${'\\u0000'.repeat(50_000)}"`])
      expect(
        await mesh.ask(key, 'PUT', '/v1/policy', { raw: Uint8Array.from(Buffer.from(raw)) }),
      ).toMatchObject({ status: 400 })
    expect(await quickest(1_000, healthy)).toBeLessThan(1_000)
  })
})

describe('a body without a signature', () => {
  test.each([
    ['without Authorization', ''],
    ['with one that is no signature', 'authorization: Mesh a.b.c\r\n'],
  ])('%s is refused before a byte of it is sent, on every route that needs one', async (_, authorization) => {
    for (const { method, path, auth } of apiRoutes) {
      if (auth === 'open' || auth === 'optional') continue
      const at = path.replace('{peerId}', 'x').replace('{id}', 'x')
      const line = open(
        `${method} ${at} HTTP/1.1\r\nhost: x\r\n${authorization}content-length: 100000\r\n\r\n`,
      )
      // Who waited for the body would answer 408 when its time is over.
      expect((await line.over).said).toMatch(/^HTTP\/1\.1 401 /)
    }
  })
})

describe('a slow body', () => {
  /** Drips `piece` each 100 ms until the other side ends it. */
  const drip = async (line: Line, piece: string) => {
    const timer = setInterval(() => line.socket.write(piece), 100)
    const ended = await line.over
    clearInterval(timer)
    return ended
  }

  test.concurrent.each([
    ['says nothing at all', () => '', ''],
    ['sends its headers line by line', () => 'POST /v1/enrol HTTP/1.1\r\nhost: x\r\n', 'x-a: b\r\n'],
    ['sends its body byte by byte', () => post(`content-length: ${limits.smallRequestBytes}`), 'x'],
    ['sends its chunks one by one', () => post('transfer-encoding: chunked'), '1\r\nx\r\n'],
  ])('of one that %s ends when its time is over', async (_, first, piece) => {
    const { ms } = await drip(open(await first()), piece)
    // Only the time ends it: within 20 s none of the four becomes too large.
    expect(ms).toBeLessThan(20_000)
  })

  test.concurrent('of a hundred at once keeps nobody else waiting', async () => {
    const request = await post('content-length: 1000')
    const lines = Array.from({ length: 100 }, () => open(request))
    const waits = []
    for (let i = 0; i < 20; i++) waits.push(await healthy())
    // Only half are judged: single requests may wait for other work of the machine.
    expect(waits.sort((a, b) => a - b).at(10)).toBeLessThan(1_000)
    await Promise.all(lines.map(({ over }) => over))
  })
})
