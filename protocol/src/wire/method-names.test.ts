import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MethodNames } from './method-names.ts'

it('MethodNames reads what Buffer reads, known or new, text or noise', () => {
  const names = new MethodNames()
  const bytes = fc.oneof(
    fc.string({ minLength: 1, maxLength: 6 }).map(text => Buffer.from(text)),
    fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' }).map(text => Buffer.from(text)),
    fc.uint8Array({ minLength: 1, maxLength: 6 }).map(noise => Buffer.from(noise)),
  )
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 40 }), all => {
      const joined = Buffer.concat(all)
      let at = 0
      for (const name of [...all, ...all]) {
        if (at + name.length > joined.length) at = 0
        const expected = joined.toString('utf8', at, at + name.length)
        expect(names.read(joined, at, name.length)).toBe(expected)
        at += name.length
      }
    }),
  )
})
