/**
 * The part of DER that certificates need: elements of one tag byte and a definite length of at most 64 KiB. What is read is a
 * view of the bytes. https://www.itu.int/rec/T-REC-X.690
 */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[number]`, explicit. */
  context: (number: number) => 0xa0 | number,
} as const

export interface DerElement {
  readonly tag: number
  readonly content: Uint8Array
  /** With tag and length. */
  readonly whole: Uint8Array
}

/** The elements that `bytes` consist of, one after the other. @throws Error */
export function readElements(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = []
  for (let at = 0; at < bytes.length;) {
    const { length, start } = readLength(bytes, at + 1)
    const end = start + length
    if (end > bytes.length) throw malformed(`an element of ${length} bytes ends after the last of them`)
    elements.push({
      tag: bytes[at]!,
      content: bytes.subarray(start, end),
      whole: bytes.subarray(at, end),
    })
    at = end
  }
  return elements
}

/** The content of the one element that `bytes` are. @throws Error when they are another or more */
export function contentOf(tag: number, bytes: Uint8Array): Uint8Array {
  const elements = readElements(bytes)
  const [only] = elements
  if (elements.length !== 1) throw malformed(`${elements.length} elements in place of one`)
  return expectTag(tag, only)
}

/** @throws Error */
export function expectTag(tag: number, element: DerElement | undefined): Uint8Array {
  if (element?.tag !== tag) throw malformed(`tag ${element?.tag ?? 'none'} in place of ${tag}`)
  return element.content
}

/** @param at of the first byte of the length */
function readLength(bytes: Uint8Array, at: number): { length: number; start: number } {
  const first = bytes[at]
  if (first === undefined) throw malformed('an element has no length')
  if (first < 0x80) return { length: first, start: at + 1 }
  const count = first & 0x7f
  if (count < 1 || count > 2 || at + count >= bytes.length) throw malformed(`its length has ${count} bytes`)
  const length = count === 1 ? bytes[at + 1]! : (bytes[at + 1]! << 8) | bytes[at + 2]!
  if (length < (count === 1 ? 0x80 : 0x100)) throw malformed(`its length of ${length} is not the shortest`)
  return { length, start: at + 1 + count }
}

/** One element of these contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents)
  return Buffer.concat([Uint8Array.of(tag, ...lengthBytes(content.length)), content])
}

/** @throws Error above 64 KiB */
function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length]
  if (length < 0x100) return [0x81, length]
  if (length < 0x1_0000) return [0x82, length >> 8, length & 0xff]
  throw new Error(`Cannot write DER: an element has ${length} bytes`)
}

/** An object identifier as `1.3.6.1`. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(tags.oid, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let left = value >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80)
  return bytes
}

/** To the second; years from 2050 on need the longer form (RFC 5280, 4.1.2.5). @param at unix ms */
export function time(at: number): Uint8Array {
  const date = new Date(at)
  const digits = date.toISOString().replace(/\.\d+Z$|[-:T]/g, '')
  const isShort = date.getUTCFullYear() < 2050
  const text = `${isShort ? digits.slice(2) : digits}Z`
  return element(isShort ? tags.utcTime : tags.generalizedTime, Buffer.from(text))
}

const malformed = (reason: string): Error => new Error(`Cannot read DER: ${reason}`)
