import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { targetOf, TestTransports } from '../testing/test-transports.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.end())

it('byteStreamOf() carries the pieces of a chunk in their order, small and large', async () => {
  const [a, b] = [await mesh.join('a'), await mesh.join('b')]
  const received: Uint8Array[] = []
  await b.handle('/pieces/1.0.0', stream => stream.onData(chunk => received.push(Buffer.from(chunk))))
  const link = await a.connect(targetOf(b))
  const stream = await link.openStream('/pieces/1.0.0')
  const pieces = [12, 128 * 1024, 1, 400 * 1024, 24].map((size, at) => Buffer.alloc(size, at + 1))
  const sends = [pieces, pieces.slice(0, 1), pieces.slice(2)]
  for (const send of sends) stream.send(send)
  const sent = Buffer.concat(sends.flat())
  const length = (): number => received.reduce((sum, { byteLength }) => sum + byteLength, 0)
  await vi.waitUntil(() => length() === sent.length, { timeout: 30_000, interval: 5 })
  expect(Buffer.concat(received).equals(sent)).toBe(true)
})
