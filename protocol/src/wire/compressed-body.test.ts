import { deflateRawSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { compressBody, encodeBody, FrameDecoder, FrameEncoder, wireLimits, type FrameBody } from './index.ts'
import { preambleBytes } from './limits.ts'

const rows = Array.from({ length: 200 }, (_, id) => ({ id, name: `row ${id}`, text: 'ä' }))

function sent(value: unknown): Buffer {
  const encoder = new FrameEncoder()
  const body = encodeBody(value, 'v')
  encoder.response(7, compressBody(body) ?? body)
  return Buffer.from(encoder.take())
}

function bodyOf(bytes: Uint8Array): FrameBody {
  const onFrame = vi.fn()
  new FrameDecoder(onFrame).push(bytes)
  return (onFrame.mock.calls[0] as [{ body: FrameBody }])[0].body
}

/** A response whose text is said to have so many bytes, and does not. */
function lying(deflated: Uint8Array, textBytes: number): Buffer {
  const bytes = Buffer.alloc(preambleBytes + 4)
  bytes.writeUInt32BE(8 + 4 + deflated.byteLength, 0)
  bytes.set([0x02, 0x80], 4)
  bytes.writeUInt32BE(7, 8)
  bytes.writeUInt32BE(textBytes, preambleBytes)
  return Buffer.concat([bytes, deflated])
}

describe('a compressed body', () => {
  it('is smaller on the wire, has the value, and counts with the bytes of its text', () => {
    const bytes = sent(rows)
    const body = bodyOf(bytes)
    expect(bytes.length).toBeLessThan(JSON.stringify(rows).length / 3)
    expect(body.value()).toEqual(rows)
    expect(body.byteLength).toBe(Buffer.byteLength(JSON.stringify(rows)))
  })

  it.each([
    ['bytes', Buffer.alloc(4_096)],
    ['a text below 1 KiB', 'x'.repeat(1_000)],
    ['nothing', undefined],
  ])('is not made of %s', (_, value) => {
    expect(compressBody(encodeBody(value, 'v'))).toBeUndefined()
  })

  it('never takes more memory than it says, whatever it would become', () => {
    const bomb = deflateRawSync(Buffer.alloc(256 * 1024 * 1024, 0x20))
    const body = bodyOf(lying(bomb, wireLimits.bodyBytes))
    const before = process.memoryUsage().rss
    expect(() => body.value()).toThrow(
      expect.objectContaining({
        code: 'protocol_error',
        message: expect.stringContaining('Cannot decompress'),
      }),
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(16 * 1024 * 1024)
  })

  it('of more than a frame may carry is malformed before it is looked at', () => {
    expect(() => bodyOf(lying(deflateRawSync('1'), wireLimits.bodyBytes + 1))).toThrow(
      expect.objectContaining({ code: 'protocol_error', message: expect.stringContaining('the limit is') }),
    )
  })
})
