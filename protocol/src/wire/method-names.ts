/** A power of two; names beyond it push each other out, which costs what no cache would. */
const slots = 64

/**
 * Names that were read before, so that a method called often is decoded once: comparing some ten bytes is cheaper than
 * making a string of them.
 */
export class MethodNames {
  readonly #names = new Array<string>(slots).fill('')

  /** The UTF-8 string of `size` bytes, more than none, at `start`. */
  read(bytes: Buffer, start: number, size: number): string {
    const slot = (size * 31 + (bytes[start + size - 1] ?? 0)) & (slots - 1)
    const known = this.#names[slot] ?? ''
    if (known.length === size && isAscii(known, bytes, start)) return known
    const name = bytes.toString('utf8', start, start + size)
    if (name.length === size) this.#names[slot] = name
    return name
  }
}

/** Whether the bytes are this text, each character one byte. */
function isAscii(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== bytes[start + i] || code > 0x7f) return false
  }
  return true
}
