import { Readable } from 'node:stream'
import { expect, test } from 'vitest'

import { Pieces } from './pieces.ts'

const all = (pieces: Pieces) => Readable.from(pieces).toArray() as Promise<string[]>

test('lines are joined, so that they are not written one by one', async () => {
  const lines = Array.from({ length: 5_000 }, (_, at) => `${at} ${'ä'.repeat(40)}\n`)
  const each = async function* () {
    for (const line of lines) yield await Promise.resolve(line)
  }
  const pieces = await all(new Pieces(each()))
  expect(pieces.join('')).toBe(lines.join(''))
  expect(pieces.length).toBeLessThan(10)
})

test('a text is one piece, and what was begun is told from what was not', async () => {
  const text = new Pieces('all')
  expect(text.begun).toBe(false)
  expect(await all(text)).toEqual(['all'])
  expect(text.begun).toBe(true)
})
