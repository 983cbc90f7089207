import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MeshError } from '../errors.ts'
import {
  compressBody,
  decodeError,
  encodeBody,
  encodeFields,
  FrameAssembler,
  FrameDecoder,
  FrameEncoder,
  messageValue,
  type BatchFrame,
  type DataFrame,
  type Frame,
} from './index.ts'
import { messagesOf } from './testing/messages-of.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2_000)
const limits = { headerBytes: 256, bodyBytes: 2_048 }

const someFields = {
  trace: { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), flags: 1 },
  tracestate: 'a=1',
  metadata: { tenant: '7' },
  stream: { credit: 65_536, input: true },
  hops: 3,
  app: 'cron',
  keyHash: 7,
}

/** Bytes of valid frames with some of them changed: gets deeper than noise does. */
const mutated = fc
  .tuple(
    fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
  )
  .map(([values, changes]) => {
    const encoder = new FrameEncoder()
    values.forEach((value, i) => encoder.request(i + 1, 'a.b', 9, false, encodeBody(value, 'v')))
    encoder.request(9, 'a.b', 9, true, encodeBody(values[0], 'v'), encodeFields(someFields))
    encoder.request(10, 'a.b', 9, false, encodeBody(values[1], 'v'), encodeFields(someFields), true)
    encoder.data(10, true, encodeBody(values[2], 'v'))
    encoder.dataPiece(10, false, Buffer.from('[1'), { tail: false, more: true })
    for (const value of [undefined, 'text', new Uint8Array(3)])
      encoder.batched(10, true, encodeBody(value, 'v'))
    encoder.credit(10, true, 65_536)
    encoder.end(10, false, { code: 'internal', body: encodeBody({ message: 'm' }, 'v') })
    values.forEach((value, i) => encoder.error(i + 1, 'internal', encodeBody(value, 'v'), i % 2 === 0))
    encoder.response(11, compressBody(encodeBody('text '.repeat(300), 'v'))!)
    encoder.goingAway(1, 2)
    encoder.settings(1)
    const whole = new FrameEncoder()
    values.forEach((value, i) => whole.request(i + 1, 'a.b', 9, false, encodeBody(value, 'v')))
    const cut = whole.take()
    for (let at = 0; at < cut.length; at += 20) encoder.part(1 + (at % 3), cut.subarray(at, at + 20))
    encoder.drop(1)
    encoder.delivered(1)
    const data = Uint8Array.from(encoder.take())
    for (const [at, byte] of changes) data[at % data.length] = byte
    return data
  })

/** Reads all that a frame carries, as a link does. */
function read(frame: Frame): void {
  if (frame.type === 'error')
    expect(decodeError(frame.code, frame.body, frame.notStarted)).toBeInstanceOf(MeshError)
  else if (frame.type === 'data') messageValue(frame.chunk, frame.tail, frame.start, frame.end)
  else if (frame.type === 'batch') for (const message of messagesOf(frame)) void message
  else if ('body' in frame) frame.body.value()
}

function swallow(chunk: Uint8Array, decoder: FrameDecoder): void {
  try {
    decoder.push(chunk)
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    decoder.stop()
  }
}

it('reading frames of any bytes throws nothing but MeshError and keeps memory bounded', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated),
      fc.integer({ min: 1, max: 90 }),
      (data, step) => {
        const decoder = new FrameDecoder(read, limits)
        for (let at = 0; at < data.length; at += step) swallow(data.subarray(at, at + step), decoder)
        expect(decoder.heldCapacity).toBeLessThanOrEqual(4_096)
      },
    ),
    { numRuns },
  )
})

/** The bytes of a message, wherever they lie in what was received. */
const carried = ({ chunk, start, end }: DataFrame | BatchFrame) => ({
  chunk: chunk.toString('hex', start, end),
  start: 0,
  end: end - start,
})

/** What a link reads of these bytes, frames in parts put together, until the first that is malformed. */
function readAll(data: Uint8Array, step: number): string[] {
  const seen: string[] = []
  const see = (frame: Frame | undefined): void => {
    const body = frame !== undefined && 'body' in frame ? { bytes: frame.body.byteLength } : {}
    seen.push(
      JSON.stringify({
        ...frame,
        ...body,
        ...(frame?.type === 'data' || frame?.type === 'batch' ? carried(frame) : {}),
      }),
    )
  }
  const assembler = new FrameAssembler(
    {
      begun: () => true,
      complete: (_cut, frame) => see(frame),
      dropped: cut => seen.push(`${cut.id} dropped`),
    },
    limits,
  )
  const decoder = new FrameDecoder(frame => {
    if (frame.type === 'part') assembler.onPart(frame, 0)
    else if (frame.type === 'drop') assembler.onDrop(frame.id)
    else see(frame)
  }, limits)
  try {
    for (let at = 0; at < data.length; at += step) decoder.push(data.subarray(at, at + step))
  } catch (error) {
    seen.push((error as MeshError).code)
  }
  return seen
}

it('reading any bytes gives the same frames, and the same end, wherever the chunks end', () => {
  fc.assert(
    fc.property(mutated, fc.integer({ min: 1, max: 90 }), (data, step) => {
      expect(readAll(data, step)).toEqual(readAll(data, data.length))
    }),
    { numRuns },
  )
})

it('putting any parts together throws nothing but MeshError, and keeps and hands over no more than the limits', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.uint8Array({ minLength: 1, maxLength: 60 }))),
      fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 30 })), { maxLength: 40 }),
      (noise, cuts) => {
        const frames: Frame[] = []
        const open = new Set<unknown>()
        const assembler = new FrameAssembler(
          {
            begun: cut => open.add(cut).size < 6,
            complete: (cut, frame) => {
              open.delete(cut)
              if (frame !== undefined) frames.push(frame)
            },
            dropped: cut => open.delete(cut),
          },
          limits,
        )
        // Three frames that take turns as the second list says, and then anything.
        const whole = [1, 2, 3].map(id => {
          const encoder = new FrameEncoder()
          encoder.request(id, 'a.b', 9, false, encodeBody('x'.repeat(id * 40), 'v'))
          return { id, bytes: Buffer.from(encoder.take()), at: 0 }
        })
        const send = (frame: (typeof whole)[number], most: number) => {
          const part = frame.bytes.subarray(frame.at, frame.at + (frame.at === 0 ? most + 12 : most))
          frame.at += part.length
          if (part.length > 0) assembler.onPart({ type: 'part', id: frame.id, bytes: part, left: 0 }, 0)
        }
        for (const [which, most] of cuts) send(whole[which]!, most)
        for (const frame of whole) send(frame, 1_000)
        expect(frames.map(frame => (frame as { id: number }).id).sort()).toEqual([1, 2, 3])
        expect([assembler.size, open.size]).toEqual([0, 0])
        try {
          for (const [id, bytes] of noise)
            if (bytes.length === 1) assembler.onDrop(id)
            else assembler.onPart({ type: 'part', id, bytes: Buffer.from(bytes), left: 0 }, 0)
        } catch (error) {
          expect(error).toBeInstanceOf(MeshError)
        }
        expect(assembler.size).toBeLessThanOrEqual(8)
        assembler.stop()
        expect(assembler.size).toBe(0)
      },
    ),
    { numRuns },
  )
})
