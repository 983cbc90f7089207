import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameAssembler, FrameDecoder, FrameEncoder, preambleBytes } from './index.ts'

const kib = 1024

/** Reads chunks as a link does; tells what it read at once, so that nothing is read from a chunk later. */
function reader() {
  const read: string[] = []
  const assembler = new FrameAssembler({
    begun: () => true,
    complete: (_cut, frame) => void read.push(JSON.stringify(frame && told(frame))),
    dropped: () => undefined,
  })
  const decoder = new FrameDecoder(frame => {
    if (frame.type === 'part') assembler.onPart(frame, 0)
    else read.push(JSON.stringify(told(frame)))
  })
  return { read, decoder }
}

const told = (frame: object): unknown =>
  'body' in frame ? { ...frame, body: (frame.body as { value(): unknown }).value() } : frame

/** Feeds the bytes in chunks, each of which is overwritten once it was fed. */
function feed(decoder: FrameDecoder, bytes: Uint8Array, cuts: readonly number[]): void {
  const ends = [...cuts.map(cut => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let at = 0
  for (const end of ends) {
    const chunk = Uint8Array.from(bytes.subarray(at, end))
    at = end
    decoder.push(chunk)
    chunk.fill(0xff)
  }
}

const requestOf = (id: number, text: string): Uint8Array => {
  const encoder = new FrameEncoder()
  encoder.request(id, 'a.b', 5, false, { json: JSON.stringify(text), tail: undefined })
  return encoder.take()
}

/** Two frames whose parts take turns, pings between them. */
const inParts = (texts: readonly string[], sizes: readonly number[]) => (encoder: FrameEncoder) => {
  const whole = texts.map((text, at) => ({ id: at + 1, bytes: requestOf(at + 1, text), sent: 0 }))
  for (let turn = 0; whole.some(({ bytes, sent }) => sent < bytes.length); turn++) {
    const frame = whole[turn % whole.length]!
    const most = sizes[turn % sizes.length]!
    const part = frame.bytes.subarray(frame.sent, frame.sent + most)
    frame.sent += part.length
    if (part.length > 0) encoder.part(frame.id, part)
    else encoder.ping(turn)
  }
}

describe('parts', () => {
  it('make the same frames however they are cut and split, of chunks that are overwritten once they were fed', () => {
    const text = fc.integer({ min: 0, max: 9_000 }).map(length => 'a1ü'.repeat(length / 3))
    const sizes = fc.array(fc.integer({ min: preambleBytes, max: 5 * kib }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(text, text, sizes, fc.array(fc.nat(), { maxLength: 30 }), (one, other, sizes, cuts) => {
        const write = inParts([one, other], sizes)
        const [joined, apart] = [new FrameEncoder(), new FrameEncoder()]
        write(joined)
        write(apart)
        expect(joined.pending).toBe(apart.pending)
        const bytes = joined.take()
        expect(Buffer.concat(apart.takePieces()).equals(bytes)).toBe(true)
        expect(apart.pending).toBe(0)
        const [whole, split] = [reader(), reader()]
        whole.decoder.push(bytes)
        feed(split.decoder, bytes, cuts)
        expect(split.read).toEqual(whole.read)
        const bodies = split.read.map(json => (JSON.parse(json) as { body?: string }).body ?? [])
        expect(bodies.flat().sort()).toEqual([one, other].sort())
      }),
      { numRuns: 300 },
    )
  })

  it('are handed over as they arrive: of one that is not complete the decoder holds nothing', () => {
    const encoder = new FrameEncoder()
    encoder.part(1, requestOf(1, 'x'.repeat(100 * kib)))
    encoder.ping(7)
    const bytes = encoder.take()
    const { read, decoder } = reader()
    let at = 0
    for (const size of [5, 9, 3, 16 * kib, 1, 40 * kib, 17]) {
      decoder.push(bytes.slice(at, (at += size)))
      if (at > 2 * preambleBytes) expect(decoder.heldCapacity).toBe(0)
      expect(decoder.heldBytes).toBeLessThan(2 * preambleBytes)
    }
    decoder.push(bytes.slice(at))
    expect(read).toHaveLength(2)
  })

  it('that go beyond their frame are refused, wherever the chunks end', () => {
    const whole = requestOf(1, 'x'.repeat(50))
    const encoder = new FrameEncoder()
    encoder.part(1, Buffer.concat([whole, whole]))
    const bytes = encoder.take()
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { read, decoder } = reader()
      expect(() => feed(decoder, bytes, [cut])).toThrow(expect.objectContaining({ code: 'protocol_error' }))
      expect(read).toEqual([])
    }
  })
})

describe('FrameEncoder.takePieces()', () => {
  it('hands over large parts as they were given, between pieces that later frames do not touch', () => {
    const encoder = new FrameEncoder()
    const body = Buffer.alloc(20 * kib, 1)
    encoder.ping(1)
    encoder.part(3, body)
    encoder.part(3, body.subarray(0, 9))
    encoder.frame(body)
    encoder.ping(2)
    const pieces = encoder.takePieces()
    const before = pieces.map(piece => Buffer.from(piece))
    expect(pieces.map(({ byteLength }) => byteLength)).toEqual([24, 20 * kib, 21, 20 * kib, 12])
    expect([pieces[1]?.buffer, pieces[3]?.buffer]).toEqual([body.buffer, body.buffer])
    for (let id = 1; id < 9_000; id++) encoder.ping(id)
    expect(pieces.map(piece => Buffer.from(piece))).toEqual(before)
  })
})
