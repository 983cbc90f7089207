import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { RecordKeys } from './record-keys.ts'
import { recordBytes, RecordReader, sealedHeaderBytes, tagBytes } from './record-reader.ts'
import { open, seal as sealInto } from './seal.ts'

const secret = randomBytes(44)
const keys = (perKey?: number) => new RecordKeys(secret, perKey)
const seal = (data: Uint8ArrayList, sealing: RecordKeys) => sealInto(data, sealing, recordBytes)
const listOf = (...pieces: Uint8Array[]) => new Uint8ArrayList(...pieces)

/** The plaintext of what was sealed, cut into chunks of so many bytes on its way. */
function opened(sealed: Uint8Array, chunkBytes: number, opening = keys()): Buffer {
  const reader = new RecordReader()
  const plain: Uint8Array[] = []
  for (let at = 0; at < sealed.length; at += chunkBytes) {
    reader.push(sealed.subarray(at, at + chunkBytes))
    for (let record = reader.next(); record !== undefined; record = reader.next())
      plain.push(open(record, opening))
  }
  expect(reader.rest()).toEqual([])
  return Buffer.concat(plain)
}

describe('seal() and open()', () => {
  it('carry any bytes, in pieces and chunks of any size, over changes of the key', () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 8 })
    const messages = fc.array(pieces, { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 400 }), (sent, chunkBytes) => {
        const sealing = keys(2)
        const wire = Buffer.concat(sent.flatMap(message => seal(listOf(...message), sealing)))
        expect(opened(wire, chunkBytes, keys(2)).equals(Buffer.concat(sent.flat()))).toBe(true)
      }),
    )
  })

  it('take one record for each 128 KiB, each with a header and a tag', () => {
    const data = randomBytes(2 * recordBytes + 1)
    const wire = Buffer.concat(seal(listOf(data), keys()))
    expect(wire.length).toBe(data.length + 3 * (sealedHeaderBytes + tagBytes))
    expect(opened(wire, 16_384).equals(data)).toBe(true)
  })

  it('keep what was opened when the next record is', () => {
    const sent = [1, 2].map(n => Buffer.alloc(1_000, n))
    const sealing = keys()
    const wire = Buffer.concat(sent.flatMap(data => seal(listOf(data), sealing)))
    expect(opened(wire, 100).equals(Buffer.concat(sent))).toBe(true)
  })

  it('never give two records the same bytes', () => {
    const sealing = keys(3)
    const records = Array.from({ length: 12 }, () => Buffer.concat(seal(listOf(Buffer.alloc(32)), sealing)))
    expect(new Set(records.map(record => record.toString('hex'))).size).toBe(records.length)
  })

  it('refuse a record with any bit changed, header included', () => {
    const wire = Buffer.concat(seal(listOf(randomBytes(40)), keys()))
    for (let at = 0; at < wire.length; at++) {
      const changed = Buffer.from(wire)
      changed[at] = (changed[at] as number) ^ 1
      expect(() => opened(Buffer.concat([changed, Buffer.alloc(300)]), 500)).toThrow()
    }
  })

  it.each([
    ['repeated', (records: Buffer[]) => [records[0], records[0]]],
    ['left out', (records: Buffer[]) => [records[1]]],
    ['out of order', (records: Buffer[]) => [records[1], records[0]]],
  ])('refuse a record that is %s', (_name, change) => {
    const sealing = keys()
    const records = [1, 2].map(n => Buffer.concat(seal(listOf(Buffer.alloc(10, n)), sealing)))
    expect(() => opened(Buffer.concat(change(records) as Buffer[]), 100)).toThrow()
  })
})

describe('RecordReader', () => {
  it('keeps few pieces of a record that comes byte by byte', () => {
    const data = randomBytes(10_000)
    const reader = new RecordReader()
    for (const byte of Buffer.concat(seal(listOf(data), keys()))) reader.push(Uint8Array.of(byte))
    const record = reader.next()
    if (record === undefined) throw new Error('no record')
    expect(record.pieces.length).toBeLessThan(300)
    expect(Buffer.from(open(record, keys())).equals(data)).toBe(true)
  })

  it.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1'), 'type 71'],
    ['a sealed record above 128 KiB', Buffer.from('4d020011ff', 'hex'), '131089 bytes'],
    ['a sealed record without content', Buffer.from('4d000010ff', 'hex'), '16 bytes'],
    ['a TLS record that is too long', Buffer.from('170303ffff', 'hex'), '65535 bytes'],
  ])('refuses %s', (_name, bytes, reason) => {
    const reader = new RecordReader()
    reader.push(bytes)
    expect(() => reader.next()).toThrow(reason)
  })

  it('tells the records of TLS from sealed ones', () => {
    const reader = new RecordReader()
    reader.push(Buffer.from('1603010002aabb', 'hex'))
    reader.push(Buffer.concat(seal(listOf(Buffer.from('x')), keys())))
    expect(reader.next()).toMatchObject({ sealed: false, bytes: 7 })
    expect(reader.next()).toMatchObject({ sealed: true, bytes: 17 })
    expect(reader.next()).toBeUndefined()
  })
})
