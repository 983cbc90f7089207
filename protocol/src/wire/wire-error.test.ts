import { describe, expect, it } from 'vitest'
import { MeshError } from '../errors.ts'
import { decodeError, encodeError, FrameDecoder, FrameEncoder, type Frame } from './index.ts'

function decode(chunk: Uint8Array): Frame | undefined {
  const frames: Frame[] = []
  new FrameDecoder(frame => frames.push(frame)).push(chunk)
  return frames[0]
}

describe('wire errors', () => {
  const roundTrip = (error: MeshError): MeshError => {
    const encoder = new FrameEncoder()
    encoder.error(1, error.code, encodeError(error), error.notStarted)
    const frame = decode(encoder.take())
    if (frame?.type !== 'error') throw new Error('no error frame')
    return decodeError(frame.code, frame.body, frame.notStarted)
  }

  it('carry code, message, hint and details, never cause or stack', () => {
    const cause = new Error('secret')
    const error = new MeshError('overloaded', 'Cannot call a.b: 9 run', {
      cause,
      hint: 'Wait',
      details: { running: 9 },
    })
    const back = roundTrip(error)
    expect(back).toMatchObject({
      code: 'overloaded',
      message: error.message,
      hint: 'Wait',
      details: { running: 9 },
    })
    expect(back.cause).toBeUndefined()
  })

  it('say whether the handler was begun, and that a peer sent them', () => {
    expect(roundTrip(new MeshError('overloaded', 'x', { notStarted: true }))).toMatchObject({
      told: true,
      notStarted: true,
    })
    expect(roundTrip(new MeshError('overloaded', 'x'))).toMatchObject({ told: true, notStarted: false })
  })

  it('carry the name of a declared error, unless another member told it', () => {
    const declared = { declared: 'no_such_sensor', details: { id: 's9' } }
    const error = roundTrip(new MeshError('application', 'x', declared))
    expect(error).toMatchObject(declared)
    expect(roundTrip(error).declared).toBeUndefined()
    expect(roundTrip(new MeshError('overloaded', 'x', declared)).declared).toBeUndefined()
    const body = decodeBody(JSON.stringify({ message: 'm', declared: 'x'.repeat(64) }))
    expect(decodeError('application', body)).toMatchObject({ code: 'protocol_error' })
  })

  it('cut long messages and drop details that are large or no JSON', () => {
    expect(roundTrip(new MeshError('internal', 'x'.repeat(5_000))).message).toHaveLength(1_000)
    expect(
      roundTrip(new MeshError('internal', 'x', { details: { a: 'x'.repeat(5_000) } })).details,
    ).toBeUndefined()
    expect(roundTrip(new MeshError('internal', 'x', { details: { a: 1n } })).details).toBeUndefined()
  })

  it('keep the code of a later version in the details', () => {
    const body = decodeBody('{"message":"m"}')
    expect(decodeError('brand_new', body)).toMatchObject({
      code: 'application',
      details: { code: 'brand_new' },
    })
    expect(decodeError('internal', decodeBody('{"mes'))).toMatchObject({ code: 'protocol_error' })
    expect(decodeError('internal', decodeBody('{"message":7}'))).toMatchObject({ code: 'protocol_error' })
  })

  const decodeBody = (json: string) => {
    const encoder = new FrameEncoder()
    encoder.response(1, { json, tail: undefined })
    const frame = decode(encoder.take())
    if (frame?.type !== 'response') throw new Error('no response frame')
    return frame.body
  }
})
