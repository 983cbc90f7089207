import { expect, it } from 'vitest'
import { MeshError } from '../errors.ts'
import { fieldBytes, fieldTags, readFields } from './request-fields.ts'

const refuse = (what: string) => new MeshError('protocol_error', what)
const read = (tag: number, value: Uint8Array) => {
  const bytes = Buffer.concat([Uint8Array.of(tag, value.length >> 8, value.length & 0xff), value])
  return readFields(bytes, 0, bytes.length, refuse)
}

it('skips a text that is no UTF-8: it may grow beyond its limit when it is sent on', () => {
  const noText = new Uint8Array(fieldBytes.app).fill(0xff)
  expect(read(fieldTags.tracestate, noText)).toEqual({})
  expect(read(fieldTags.app, noText)).toEqual({})
  expect(read(fieldTags.tracestate, Buffer.from('a=ü'))).toEqual({ tracestate: 'a=ü' })
})
