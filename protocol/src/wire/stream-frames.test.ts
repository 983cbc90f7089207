import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bodyBytes,
  dataBytes,
  FrameDecoder,
  FrameEncoder,
  messageBody,
  messageValue,
  Tailed,
  type DataFrame,
  type Frame,
} from './index.ts'

const id = fc.integer({ min: 1, max: 0xffff_ffff })
const bytes = fc.uint8Array({ maxLength: 300 })

function decode(data: Uint8Array): Frame[] {
  const frames: Frame[] = []
  new FrameDecoder(frame => frames.push(frame)).push(data)
  return frames
}

const bytesOf = ({ chunk, start, end }: DataFrame): Buffer => chunk.subarray(start, end)

describe('messages of streams', () => {
  const whose = fc.boolean()
  const body = fc.record({
    json: fc.option(fc.json(), { nil: undefined }),
    tail: fc.option(bytes, { nil: undefined }),
  })

  it('come back whole, in one frame or in pieces', () => {
    fc.assert(
      fc.property(id, whose, body, fc.integer({ min: 1, max: 40 }), (id, fromCallee, message, size) => {
        const encoder = new FrameEncoder()
        encoder.data(id, fromCallee, message)
        const all = bodyBytes(message)
        for (let at = 0; at === 0 || at < all.length; at += size)
          encoder.dataPiece(id, fromCallee, all.subarray(at, at + size), {
            tail: message.tail !== undefined,
            more: at + size < all.length,
          })
        const [whole, ...pieces] = decode(encoder.take()) as DataFrame[]
        expect(whole).toMatchObject({ type: 'data', id, fromCallee, more: false })
        expect(Buffer.concat(pieces.map(bytesOf)).equals(bytesOf(whole!))).toBe(true)
        expect(pieces.map(({ more }) => more)).toEqual(pieces.map((_, i) => i < pieces.length - 1))
        const read = messageBody(whole!.chunk, whole!.tail, whole!.start, whole!.end).value()
        const sent = message.tail === undefined ? undefined : Buffer.from(message.tail)
        const tail = read instanceof Tailed ? read.tail : read instanceof Uint8Array ? read : undefined
        expect(tail && Buffer.from(tail)).toEqual(sent)
        expect(messageValue(whole!.chunk, whole!.tail, whole!.start, whole!.end)).toEqual(read)
      }),
    )
  })

  it('keep to 64 KiB a frame', () => {
    const encoder = new FrameEncoder()
    encoder.dataPiece(1, true, new Uint8Array(dataBytes + 1), { tail: false, more: false })
    expect(() => decode(encoder.take())).toThrow(expect.objectContaining({ code: 'protocol_error' }))
  })
})
