import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { part } from '../../test/support/forged-jws.ts'
import { refusal } from '../../test/support/refusal.ts'
import vectors from '../vectors/peer-id.json' with { type: 'json' }
import { formatMapCursor, parseMapCursor, shardCount, shardOf } from './map-cursor.ts'

const v = Array.from({ length: shardCount }, (_, i) => i)
const read = (text: string) => refusal(() => parseMapCursor(text))

it('every cursor survives being written and read, and fits where cursors are carried', () => {
  const cursor = fc.record({
    epoch: fc.stringMatching(/^[\w-]{1,32}$/),
    v: fc.array(fc.maxSafeNat(), { minLength: shardCount, maxLength: shardCount }),
  })
  fc.assert(
    fc.property(cursor, cursor => {
      const text = formatMapCursor(cursor)
      expect(parseMapCursor(text)).toEqual(cursor)
      expect(text).toMatch(/^[\w-]{1,512}$/)
    }),
  )
})

it.each([
  ['nothing', ''],
  ['not base64url', '§§§'],
  ['not UTF-8', Buffer.from([0xff, 0xfe]).toString('base64url')],
  ['not JSON', part('{"epoch":')],
  ['a list', part([])],
  ['no numbers', part({ epoch: 'a' })],
  ['15 numbers', part({ epoch: 'a', v: v.slice(1) })],
  ['17 numbers', part({ epoch: 'a', v: [...v, 1] })],
  ['a negative number', part({ epoch: 'a', v: [...v.slice(1), -1] })],
  ['a number that is no integer', part({ epoch: 'a', v: [...v.slice(1), 0.5] })],
  ['an unsafe integer', part(`{"epoch":"a","v":[${[...v.slice(1), '9007199254740993'].join(',')}]}`)],
  ['an epoch with a quote', part({ epoch: "a'b", v })],
  ['an empty epoch', part({ epoch: '', v })],
  ['an unknown field', part({ epoch: 'a', v, more: 1 })],
])('a cursor is refused: %s', async (_, text) => {
  expect(await read(text)).toMatch(/^invalid_argument: Cannot read map cursor: /)
})

it('a cursor is refused by its length before it is decoded', async () => {
  expect(await read('A'.repeat(513))).toBe('invalid_argument: Cannot read map cursor: too long')
})

it('the shard of a member is the first four bits of the SHA-256 of its peer id', async () => {
  const shards = await Promise.all(vectors.ed25519.map(({ peerId }) => shardOf(peerId)))
  const expected = vectors.ed25519.map(({ peerId }) =>
    Number.parseInt(createHash('sha256').update(peerId).digest('hex').slice(0, 1), 16),
  )
  expect(shards).toEqual(expected)
  expect(new Set(shards).size).toBeGreaterThan(4)
})
