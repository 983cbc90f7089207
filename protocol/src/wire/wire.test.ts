import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeBody,
  encodeFields,
  FrameDecoder,
  FrameEncoder,
  Tailed,
  type Frame,
  type RequestFields,
} from './index.ts'
import { preambleBytes, wireLimits } from './limits.ts'

const id = fc.integer({ min: 1, max: 0xffff_ffff })
const number = fc.integer({ min: 0, max: 0xffff_ffff })
const bytes = fc.uint8Array({ maxLength: 300 })
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).filter(v => v !== undefined),
  fc.constant(undefined),
  bytes,
)
const carried = fc.oneof(
  value,
  fc.tuple(fc.jsonValue({ maxDepth: 2 }), bytes).map(([v, tail]) => new Tailed(v, tail)),
)
const method = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter(m => Buffer.byteLength(m) <= 255)

const hex = (digits: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits })
    .map(a => a.join(''))
const fields: fc.Arbitrary<RequestFields> = fc.record(
  {
    trace: fc.record({ traceId: hex(32), spanId: hex(16), flags: fc.nat(255) }),
    tracestate: fc.string({ unit: 'grapheme', maxLength: 20 }),
    metadata: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
    stream: fc.record({ credit: number, input: fc.boolean() }),
    hops: fc.nat(255),
    app: fc.string({ unit: 'grapheme', maxLength: 20 }),
    keyHash: number,
  },
  { requiredKeys: [] },
)

type Sent =
  | {
      type: 'request'
      id: number
      method: string
      timeoutMs: number
      idempotent: boolean
      fields: RequestFields
      stream: false
      elsewhere: boolean
      value: unknown
    }
  | { type: 'response'; id: number; elsewhere: boolean; value: unknown }
  | { type: 'error'; id: number; code: string; notStarted: boolean; value: unknown }
  | { type: 'cancel' | 'ping' | 'pong'; id: number }
  | { type: 'goingAway'; lastId: number; drainMs: number }

const sent: fc.Arbitrary<Sent> = fc.oneof(
  fc.record({
    type: fc.constant('request'),
    id,
    method,
    timeoutMs: number,
    idempotent: fc.boolean(),
    fields,
    stream: fc.constant(false as const),
    elsewhere: fc.boolean(),
    value: carried,
  }),
  fc.record({ type: fc.constant('response'), id, elsewhere: fc.boolean(), value: carried }),
  fc.record({
    type: fc.constant('error'),
    id,
    code: fc.constantFrom('internal', 'overloaded'),
    notStarted: fc.boolean(),
    value,
  }),
  fc.record({ type: fc.constantFrom('cancel', 'ping', 'pong'), id }),
  fc.record({ type: fc.constant('goingAway'), lastId: number, drainMs: number }),
) as fc.Arbitrary<Sent>

const plainly = { fields: {}, stream: false, elsewhere: false } as const

function append(encoder: FrameEncoder, frame: Sent): void {
  switch (frame.type) {
    case 'request':
      return encoder.request(
        frame.id,
        frame.method,
        frame.timeoutMs,
        frame.idempotent,
        encodeBody(frame.value, 'params'),
        encodeFields(frame.fields),
        frame.stream,
        frame.elsewhere,
      )
    case 'response':
      return encoder.response(frame.id, encodeBody(frame.value, 'result'), frame.elsewhere)
    case 'error':
      return encoder.error(frame.id, frame.code, encodeBody(frame.value, 'error'), frame.notStarted)
    case 'goingAway':
      return encoder.goingAway(frame.lastId, frame.drainMs)
    default:
      return encoder[frame.type](frame.id)
  }
}

const received = (frame: Frame): unknown => {
  if (!('body' in frame)) return frame
  const { body, ...fields } = frame
  return plain({ ...fields, value: body.value() })
}

/** Buffers and typed arrays compare by their bytes; JSON drops the sign of zero. */
const plain = (frame: unknown): unknown =>
  typeof frame === 'object' && frame !== null && 'value' in frame
    ? { ...frame, value: flat((frame as { value: unknown }).value) }
    : frame
const flat = (v: unknown): unknown =>
  v instanceof Tailed
    ? { tailed: flat(v.value), tail: flat(v.tail) }
    : v instanceof Uint8Array
      ? `bytes ${Buffer.from(v).toString('hex')}`
      : v === undefined
        ? undefined
        : (JSON.parse(JSON.stringify(v)) as unknown)

function split(data: Uint8Array, cuts: number[]): Uint8Array[] {
  const at = [...new Set(cuts.map(cut => cut % (data.length + 1)))].sort((a, b) => a - b)
  return [0, ...at].map((start, i) => data.slice(start, at[i] ?? data.length))
}

function decode(chunks: Uint8Array[], limits = wireLimits): Frame[] {
  const frames: Frame[] = []
  const decoder = new FrameDecoder(frame => frames.push(frame), limits)
  for (const chunk of chunks) decoder.push(chunk)
  expect(decoder.heldBytes).toBe(0)
  return frames
}

const encode = (frames: Sent[]): Uint8Array => {
  const encoder = new FrameEncoder()
  for (const frame of frames) append(encoder, frame)
  return encoder.take()
}

describe('wire', () => {
  it('brings every frame back, however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(sent, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (frames, cuts) => {
          expect(decode(split(encode(frames), cuts)).map(received)).toEqual(frames.map(plain))
        },
      ),
    )
  })

  it('brings frames back byte by byte', () => {
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 3 }), frames => {
        const chunks = Array.from(encode(frames), byte => Uint8Array.of(byte))
        expect(decode(chunks).map(received)).toEqual(frames.map(plain))
      }),
    )
  })

  it('states the length of each frame: all bytes after the length field', () => {
    fc.assert(
      fc.property(sent, frame => {
        const data = Buffer.from(encode([frame]))
        expect(data.readUInt32BE(0)).toBe(data.length - 4)
        expect(data.length).toBeGreaterThanOrEqual(preambleBytes)
      }),
    )
  })

  it('hands over chunks that later frames do not touch', () => {
    const encoder = new FrameEncoder()
    const chunks = Array.from({ length: 2_000 }, (_, i) => {
      encoder.request(i + 1, 'a.b', i, false, { json: `"${i}"`, tail: undefined })
      return encoder.take()
    })
    const frames = decode(chunks)
    expect(frames.map(frame => (frame.type === 'request' ? frame.body.value() : ''))).toEqual(
      Array.from({ length: 2_000 }, (_, i) => String(i)),
    )
  })

  it('grows for a batch and keeps what was appended before', () => {
    const encoder = new FrameEncoder()
    const json = `"${'x'.repeat(50_000)}"`
    for (let i = 1; i <= 40; i++) encoder.response(i, { json, tail: undefined })
    expect(encoder.pending).toBe(40 * (preambleBytes + json.length))
    expect(decode([encoder.take()])).toHaveLength(40)
    expect(encoder.pending).toBe(0)
  })

  it('skips frames of reserved and unknown types', () => {
    const data = Buffer.concat([encode([{ type: 'ping', id: 1 }]), encode([{ type: 'ping', id: 2 }])])
    data[4] = 0x18
    expect(decode([data])).toEqual([{ type: 'ping', id: 2 }])
  })

  it('leaves header fields of a later version alone', () => {
    const frame = Buffer.from(
      encode([
        { type: 'request', id: 7, method: 'a.b', timeoutMs: 5, idempotent: true, ...plainly, value: 1 },
      ]),
    )
    const extra = Buffer.from([0x7f, 0, 5, ...Buffer.from('later')])
    const bodyAt = preambleBytes + 5 + 3
    const longer = Buffer.concat([frame.subarray(0, bodyAt), extra, frame.subarray(bodyAt)])
    longer.writeUInt32BE(longer.length - 4, 0)
    longer.writeUInt16BE(5 + 3 + extra.length, 6)
    expect(decode([longer]).map(received)).toEqual(decode([frame]).map(received))
  })

  it('reports a critical flag it does not know instead of reading the body', () => {
    const data = Buffer.from(encode([{ type: 'response', elsewhere: false, id: 3, value: 'x' }]))
    data[5] = 0x40
    expect(decode([data])).toEqual([{ type: 'unreadable', id: 3, of: 2, flags: 0x40 }])
  })

  it('reserves no more memory than twice what arrived', () => {
    const decoder = new FrameDecoder(() => undefined)
    const announced = Buffer.alloc(12)
    announced.writeUInt32BE(1_000_000, 0)
    decoder.push(announced)
    expect(decoder.heldCapacity).toBeLessThanOrEqual(4_096)
    decoder.push(new Uint8Array(100_000))
    expect(decoder.heldCapacity).toBeLessThanOrEqual(210_000)
    decoder.stop()
    expect(decoder.heldCapacity).toBe(0)
  })

  it('delivers nothing after stop(), even within one chunk', () => {
    const frames: Frame[] = []
    const decoder = new FrameDecoder(frame => {
      frames.push(frame)
      decoder.stop()
    })
    decoder.push(
      encode([
        { type: 'ping', id: 1 },
        { type: 'ping', id: 2 },
      ]),
    )
    expect(frames).toEqual([{ type: 'ping', id: 1 }])
  })
})

describe('wire limits', () => {
  const limits = { headerBytes: 64, bodyBytes: 100 }

  it('refuse a body over the limit and leave no trace of it', () => {
    const encoder = new FrameEncoder(limits)
    encoder.ping(1)
    const before = encoder.pending
    for (const body of [
      { json: 'x'.repeat(101), tail: undefined },
      { json: 'ü'.repeat(90), tail: undefined },
    ]) {
      expect(() => encoder.response(1, body)).toThrow(expect.objectContaining({ code: 'too_large' }))
    }
    const tail = new Uint8Array(98)
    expect(() => encoder.response(1, { json: undefined, tail })).toThrow(
      expect.objectContaining({ code: 'too_large' }),
    )
    expect(encoder.pending).toBe(before)
  })

  it('refuse a method name of no or over 255 bytes', () => {
    const encoder = new FrameEncoder()
    for (const name of ['', 'x'.repeat(256), 'ü'.repeat(128)]) {
      const call = () => encoder.request(1, name, 1, false, { json: undefined, tail: undefined })
      expect(call).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    }
    expect(encoder.pending).toBe(0)
  })

  it('stop a reader at the announced length, before the bytes arrive', () => {
    const data = Buffer.alloc(4)
    data.writeUInt32BE(12 + 64 + 100, 0)
    expect(() => new FrameDecoder(() => undefined, limits).push(data)).toThrow(
      expect.objectContaining({ code: 'protocol_error' }),
    )
  })
})
