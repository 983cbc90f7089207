import fc from 'fast-check'
import { expect, it } from 'vitest'

import { prefixBytes, wholeMessages } from './whole-messages.ts'

const maxBytes = 1_000

function message(bytes: Uint8Array): Buffer {
  const framed = Buffer.alloc(prefixBytes + bytes.length)
  framed.writeUInt32BE(bytes.length, 1)
  framed.set(bytes, prefixBytes)
  return framed
}

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of wholeMessages(chunks, maxBytes)) pieces.push(piece)
  return pieces
}

const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 })

it('the bytes are the same in whatever pieces they come, and each piece ends with a message', async () => {
  const messages = fc.array(fc.uint8Array({ maxLength: maxBytes }), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(messages, sizes, async (sent, chunks) => {
      const framed = sent.map(message)
      const ends = new Set<number>()
      let end = 0
      for (const { length } of framed) ends.add((end += length))
      let read = 0
      const pieces = await all(inPieces(Buffer.concat(framed), chunks))
      for (const { length } of pieces) expect(ends).toContain((read += length))
      expect(Buffer.concat(pieces).equals(Buffer.concat(framed))).toBe(true)
    }),
  )
})

it('what is no message, too large or incomplete passes as it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3 * maxBytes }), sizes, async (sent, chunks) => {
      expect(Buffer.concat(await all(inPieces(sent, chunks))).equals(sent)).toBe(true)
    }),
  )
})

it('a message that comes in bytes is one piece', async () => {
  const sent = message(Buffer.alloc(maxBytes, 'x'))
  expect(await all(inPieces(sent, [1]))).toHaveLength(1)
})

it('a message above the limit passes before its end has come', async () => {
  const chunks = (async function* () {
    yield message(Buffer.alloc(maxBytes + 1)).subarray(0, prefixBytes)
    throw new Error('more was read')
  })()
  const { value } = await wholeMessages(chunks, maxBytes).next()
  expect(value).toHaveLength(prefixBytes)
})
