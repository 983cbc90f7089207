import fc from 'fast-check'
import { expect, it } from 'vitest'
import { textBytes } from './text-bytes.ts'

it('textBytes() counts the bytes of a text in UTF-8, wherever others than ASCII stand', () => {
  const ascii = fc.integer({ min: 0, max: 40_000 }).map(length => 'x'.repeat(length))
  const other = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', 'ü', '漢', '😀', '\ud83d', '\ude00'),
  )
  fc.assert(
    fc.property(ascii, other, ascii, (before, between, after) => {
      const text = before + between + after
      expect(textBytes(text)).toBe(Buffer.byteLength(text))
    }),
  )
})
