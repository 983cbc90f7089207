import fc from 'fast-check'
import { expect, it } from 'vitest'

import { printable, printableJson } from './printable.ts'

const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

it.each([
  ['a colour', '\u001b[31mx', '\\x1b[31mx'],
  ['a title', '\u001b]0;t\u0007', '\\x1b]0;t\\x07'],
  ['a C1 introducer', '\u009b2J', '\\x9b2J'],
  ['a new line, a return and a tab', 'a\r\n\tb', 'a\\x0d\\x0a\\x09b'],
  ['a backspace and a delete', 'ab\b\u007f', 'ab\\x08\\x7f'],
  ['a bidirectional override', 'a\u202egpj.exe', 'a\\u202egpj.exe'],
  ['an isolate', '\u2066x\u2069', '\\u2066x\\u2069'],
  ['zero-width characters', 'ad\u200b\u200dmin\ufeff', 'ad\\u200b\\u200dmin\\ufeff'],
  ['a soft hyphen and a filler', 'ad\u00admin\u3164', 'ad\\xadmin\\u3164'],
  ['separators of lines', 'a\u2028b\u2029', 'a\\u2028b\\u2029'],
  ['invisible tags', 'a\u{e0041}', 'a\\u{e0041}'],
  ['a lone surrogate', 'a\ud800', 'a\\ud800'],
])('printable() shows %s', (_, text, shown) => expect(printable(text)).toBe(shown))

it('printable() leaves letters, accents, symbols and emoji of any language as they are', () => {
  const text = 'naïve Straße 日本語 עברית العربية 🚀 – “x”'
  expect(printable(text)).toBe(text)
})

it('printable() has nothing to escape the second time, whatever the text', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const shown = printable(text)
      expect(shown).not.toMatch(steering)
      expect(printable(shown)).toBe(shown)
    }),
  ))

it('printableJson() keeps the value of any document, on one line or several', () =>
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
      const shown = printableJson(JSON.stringify(value, undefined, indent))
      expect(shown.replaceAll('\n', '')).not.toMatch(steering)
      expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  ))
