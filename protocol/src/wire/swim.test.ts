import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeSwim, encodeSwim, type SwimMessage } from './swim.ts'

interface Vector {
  name: string
  hex: string
  message: SwimMessage
}

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/swim-messages.json', import.meta.url), 'utf8'),
) as Vector[]

/** JSON has no typed arrays. */
const typed = (message: SwimMessage): SwimMessage =>
  message.kind === 'digest' ? { ...message, hashes: Uint32Array.from(message.hashes) } : message

test.each(vectors)('$name has the bytes of its vector', ({ hex, message }) => {
  expect(encodeSwim(typed(message)).toString('hex')).toBe(hex)
  expect(decodeSwim(Buffer.from(hex, 'hex'))).toEqual(typed(message))
})

test('the vectors have each kind of message', () => {
  expect(new Set(vectors.map(({ message }) => message.kind)).size).toBe(6)
})
