/** Text of other members, made safe to show: characters that a terminal obeys, reorders or hides are shown as escapes. */

/**
 * Controls (C0 with newline and tab, DEL, C1), formats (bidirectional overrides, zero-width characters), line and paragraph
 * separators, lone surrogates, and what Unicode draws as nothing (fillers, variation selectors, tags).
 */
const steering = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0')

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x100) return `\\x${hex(code, 2)}`
  return code < 0x1_0000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`
}

/** `text` as one line with all characters visible: `\x1b`, `\u202e`, `\u{e0041}`. */
export const printable = (text: string): string => text.replace(steering, escaped)

/**
 * A JSON document whose strings cannot steer a terminal: the same value, with `\uXXXX` in place of these characters.
 * Newlines and spaces between its tokens stay.
 */
export const printableJson = (json: string): string =>
  json.replace(steering, character =>
    character === '\n'
      ? character
      : Array.from(
          { length: character.length },
          (_, unit) => `\\u${hex(character.charCodeAt(unit), 4)}`,
        ).join(''),
  )
