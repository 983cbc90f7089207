import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { messagesOf } from './testing/messages-of.ts'
import {
  encodeBody,
  encodeFields,
  FrameAssembler,
  FrameDecoder,
  FrameEncoder,
  Tailed,
  type Frame,
  type RequestFields,
} from './index.ts'

interface Vector {
  name: string
  hex: string
  frame: Record<string, never> & {
    type: string
    json?: unknown
    tail?: string
    bytes?: string
    messages?: unknown[]
    fields?: RequestFields
    stream?: boolean
    elsewhere?: boolean
  }
}

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url), 'utf8')) as T

const frames = read<Vector[]>('rpc-frames.json')
const parts =
  read<Record<'complete' | 'malformed', { name: string; hex: string[]; frames: unknown[] }[]>>(
    'rpc-parts.json',
  )
const skipped = read<{ name: string; hex: string; fields: RequestFields }[]>('rpc-skipped-fields.json')
const settings = read<{ name: string; hex: string; features: number }[]>('rpc-settings.json')
const compressed =
  read<
    Record<'read' | 'spoilt' | 'unreadable', { name: string; hex: string; type: string; json: unknown }[]>
  >('rpc-compressed.json')
const malformed = read<{ name: string; hex: string }[]>('rpc-malformed.json')

function decode(hex: string): Frame[] {
  const decoded: Frame[] = []
  new FrameDecoder(frame => decoded.push(frame)).push(Buffer.from(hex, 'hex'))
  return decoded
}

/** Raw bytes as the vectors have them. */
const asVector = (message: unknown): unknown =>
  message instanceof Uint8Array ? { bytes: Buffer.from(message).toString('hex') } : message
const ofVector = (message: unknown): unknown =>
  typeof message === 'object' && message !== null && 'bytes' in message
    ? Buffer.from(message.bytes as string, 'hex')
    : message

/** A decoded frame in the terms of the vectors. */
function described(frame: Frame | undefined): Record<string, unknown> {
  if (frame?.type === 'part') {
    const { left, ...fields } = frame
    return { ...fields, bytes: frame.bytes.toString('hex'), ...(left === 0 ? {} : { left }) }
  }
  if (frame?.type === 'swim') return { ...frame, bytes: frame.bytes.toString('hex') }
  if (frame?.type === 'data') {
    const { chunk, start, end, ...fields } = frame
    return { ...fields, bytes: chunk.toString('hex', start, end) }
  }
  if (frame?.type === 'batch') {
    const { type, id, fromCallee } = frame
    return { type, id, fromCallee, messages: [...messagesOf(frame)].map(asVector) }
  }
  if (frame === undefined || !('body' in frame)) return { ...frame }
  const { body, ...said } = frame
  const none = { fields: {}, stream: false, elsewhere: false }
  const { fields, stream, elsewhere, ...others } = { ...none, ...said }
  const value = body.value()
  const { value: json, tail } =
    value instanceof Tailed
      ? value
      : value instanceof Uint8Array
        ? { value: undefined, tail: value }
        : { value, tail: undefined }
  return {
    ...others,
    ...(stream ? { stream } : {}),
    ...(elsewhere ? { elsewhere } : {}),
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
    ...(json === undefined ? {} : { json }),
    ...(tail === undefined ? {} : { tail: Buffer.from(tail).toString('hex') }),
  }
}

function encode({ frame }: Vector): string {
  const encoder = new FrameEncoder()
  const json = frame.json === undefined ? undefined : JSON.stringify(frame.json)
  const body = { json, tail: typeof frame.tail !== 'string' ? undefined : Buffer.from(frame.tail, 'hex') }
  const { id, method, timeoutMs, idempotent, code, notStarted, lastId, drainMs, features } = frame
  const { fromCallee, more, credit } = frame
  if (frame.type === 'request')
    encoder.request(
      id!,
      method!,
      timeoutMs!,
      idempotent!,
      body,
      encodeFields(frame.fields ?? {}),
      frame.stream,
      frame.elsewhere,
    )
  else if (frame.type === 'data')
    encoder.dataPiece(id!, fromCallee!, Buffer.from(frame.bytes!, 'hex'), {
      tail: frame.tail as unknown as boolean,
      more: more!,
    })
  else if (frame.type === 'batch')
    for (const of of frame.messages!) encoder.batched(id!, fromCallee!, encodeBody(ofVector(of), 'message'))
  else if (frame.type === 'credit') encoder.credit(id!, fromCallee!, credit!)
  else if (frame.type === 'end')
    encoder.end(id!, fromCallee!, code === undefined ? undefined : { code, body })
  else if (frame.type === 'response') encoder.response(id!, body, frame.elsewhere)
  else if (frame.type === 'error') encoder.error(id!, code!, body, notStarted!)
  else if (frame.type === 'goingAway') encoder.goingAway(lastId!, drainMs!)
  else if (frame.type === 'settings') encoder.settings(features!)
  else if (frame.type === 'part') encoder.part(id!, Buffer.from(frame.bytes!, 'hex'))
  else if (frame.type === 'swim') encoder.swim(Buffer.from(frame.bytes!, 'hex'))
  else encoder[frame.type as 'cancel' | 'ping' | 'pong' | 'delivered' | 'drop'](id!)
  return Buffer.from(encoder.take()).toString('hex')
}

describe('the frames of protocol/vectors', () => {
  it.each(frames)('$name: these bytes decode to these fields', vector => {
    expect(decode(vector.hex).map(described)).toEqual([vector.frame])
  })

  it.each(frames)('$name: these fields encode to these bytes', vector => {
    expect(encode(vector)).toBe(vector.hex)
  })

  it.each(skipped)('$name: skipped, the other fields count', ({ hex, fields }) => {
    expect(decode(hex)).toEqual([expect.objectContaining({ type: 'request', fields })])
  })

  it.each(settings)('settings with $name: these bits are read', ({ hex, features }) => {
    expect(decode(hex)).toEqual([{ type: 'settings', features }])
  })

  it.each(malformed)('$name: refused as protocol_error', ({ hex }) => {
    const reading = () => decode(hex).map(described)
    expect(reading).toThrow(expect.objectContaining({ code: 'protocol_error' }))
  })

  it.each(frames)('$name: docs/wire.md shows these bytes', ({ hex }) => {
    const docs = readFileSync(new URL('../../../docs/wire.md', import.meta.url), 'utf8')
    expect(docs.replaceAll(' ', '')).toContain(`\`${hex}\``)
  })
})

/** The frames that parts make. */
function assembled(hex: string[]): Frame[] {
  const complete: Frame[] = []
  const assembler = new FrameAssembler({
    begun: () => true,
    complete: (_cut, frame) => void (frame && complete.push(frame)),
    dropped: () => undefined,
  })
  for (const frame of decode(hex.join('')))
    if (frame.type === 'part') assembler.onPart(frame, 0)
    else if (frame.type === 'drop') assembler.onDrop(frame.id)
  return complete
}

describe('the cut frames of protocol/vectors', () => {
  it.each(parts.complete)('$name: these parts make these frames', ({ hex, frames }) => {
    expect(assembled(hex).map(described)).toEqual(frames)
  })

  it.each(parts.malformed)('$name: refused as protocol_error', ({ hex }) => {
    expect(() => assembled(hex)).toThrow(expect.objectContaining({ code: 'protocol_error' }))
  })
})

describe('the compressed bodies of protocol/vectors', () => {
  it.each(compressed.read)('$name: these bytes decode to this value', ({ hex, type, json }) => {
    expect(decode(hex).map(described)).toEqual([expect.objectContaining({ type, json })])
  })

  it.each(compressed.spoilt)('$name: spoils its own call alone, as protocol_error', ({ hex }) => {
    const [frame] = decode(hex)
    expect(() => described(frame)).toThrow(expect.objectContaining({ code: 'protocol_error' }))
  })

  it.each(compressed.unreadable)('$name: is not read', ({ hex }) => {
    expect(decode(hex)).toEqual([expect.objectContaining({ type: 'unreadable' })])
  })

  it.each(compressed.read.slice(0, 2))('$name: docs/wire.md shows these bytes', ({ hex }) => {
    const docs = readFileSync(new URL('../../../docs/wire.md', import.meta.url), 'utf8')
    expect(docs.replaceAll(' ', '')).toContain(`\`${hex}\``)
  })
})
