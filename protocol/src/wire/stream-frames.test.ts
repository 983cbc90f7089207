import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bodyBytes,
  dataBytes,
  dataFrameCost,
  FrameDecoder,
  FrameEncoder,
  messageBody,
  messageValue,
  Tailed,
  type DataFrame,
  type Frame,
} from './index.ts'
import { messagesOf } from './testing/messages-of.ts'

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

  it('come back in order from batches, whatever frames stand between them, and each costs what the encoder says', () => {
    const message = fc.oneof(
      fc.json().map(json => ({ json, tail: undefined })),
      bytes.map(tail => ({ json: undefined, tail })),
    )
    const step = fc.record({
      id: fc.constantFrom(3, 4),
      message,
      then: fc.constantFrom('batch', 'ping', 'take'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), whose, (steps, fromCallee) => {
        const encoder = new FrameEncoder(undefined, 512)
        const taken: Uint8Array[] = []
        let cost = 0
        for (const { id, message, then } of steps) {
          cost += encoder.batched(id, fromCallee, message)
          if (then === 'ping') encoder.ping(id)
          else if (then === 'take') taken.push(...encoder.takePieces())
        }
        const frames = decode(Buffer.concat([...taken, ...encoder.takePieces()]))
        const batches = frames.filter(frame => frame.type === 'batch')
        for (const of of [3, 4])
          expect(batches.filter(({ id }) => id === of).flatMap(frame => [...messagesOf(frame)])).toEqual(
            steps
              .filter(({ id }) => id === of)
              .map(({ message: { json, tail } }) =>
                json === undefined ? Buffer.from(tail!) : (JSON.parse(json) as unknown),
              ),
          )
        expect(batches.every(frame => frame.fromCallee === fromCallee)).toBe(true)
        expect(cost).toBe(batches.reduce((sum, { start, end }) => sum + end - start + dataFrameCost, 0))
      }),
    )
  })

  it('share a frame of one stream until it is full, and none that was taken', () => {
    const encoder = new FrameEncoder()
    const body = { json: undefined, tail: new Uint8Array(100) }
    for (let n = 0; n < 100; n++) encoder.batched(1, true, body)
    const first = decode(encoder.take())
    encoder.batched(1, true, body)
    expect(first.map(frame => frame.type === 'batch' && [...messagesOf(frame)].length)).toEqual([41, 41, 18])
    expect(decode(encoder.take())).toHaveLength(1)
  })

  it('keep to 64 KiB a frame', () => {
    const encoder = new FrameEncoder()
    encoder.dataPiece(1, true, new Uint8Array(dataBytes + 1), { tail: false, more: false })
    expect(() => decode(encoder.take())).toThrow(expect.objectContaining({ code: 'protocol_error' }))
  })
})
