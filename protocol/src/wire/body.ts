import { MeshError } from '../errors.ts'
import { soundJson, UnsoundPart } from '../json-values.ts'
import { decompress } from './decompress.ts'
import { putU32 } from './integers.ts'
import { lengthBytes, wireLimits } from './limits.ts'
import { textBytes } from './text-bytes.ts'

/** A JSON value with raw bytes behind it; `value` undefined: bytes alone. */
export class Tailed {
  readonly value: unknown
  readonly tail: Uint8Array

  constructor(value: unknown, tail: Uint8Array) {
    this.value = value
    this.tail = tail
  }
}

/** A value ready to be framed: JSON text (undefined: none) and raw tail (undefined: none). */
export interface EncodedBody {
  readonly json: string | undefined
  readonly tail: Uint8Array | undefined
}

/** A value that was encoded: {@link encodeBody} makes it, and takes it as it is, so that it can be encoded once for several calls. */
export class Encoded implements EncodedBody {
  readonly json: string | undefined
  readonly tail: Uint8Array | undefined

  constructor(json: string | undefined, tail: Uint8Array | undefined) {
    this.json = json
    this.tail = tail
  }
}

/** A body as it stands on the wire, in a buffer of its own. */
export function bodyBytes({ json, tail }: EncodedBody): Buffer {
  const text = Buffer.from(json ?? '', 'utf8')
  if (tail === undefined) return text
  const size = Buffer.allocUnsafeSlow(lengthBytes)
  putU32(size, 0, text.length)
  return Buffer.concat([size, text, tail])
}

/** Whether no frame carries it. */
export function isLarge({ json, tail }: EncodedBody, limits = wireLimits): boolean {
  const text = json === undefined ? 0 : json.length
  const rest = limits.bodyBytes - (tail === undefined ? 0 : lengthBytes + tail.byteLength)
  // A UTF-16 unit becomes at most three bytes.
  return text * 3 > rest && (text > rest || textBytes(json ?? '') > rest)
}

const nothing = new Encoded(undefined, undefined)

/**
 * A value as a body: bytes go raw, a {@link Tailed} as both, anything else as JSON text. `what` and `method` name it in errors: `the
 * params of math.add`, and a part of them `params.items[3].n`.
 * @throws MeshError `invalid_argument` for what JSON cannot carry, naming where it is: NaN, BigInt, functions, a Map, cycles
 */
export function encodeBody(value: unknown, what: string, method?: string): Encoded {
  if (value === undefined) return nothing
  if (value instanceof Encoded) return value
  if (value instanceof Uint8Array) return new Encoded(undefined, value)
  if (value instanceof Tailed) return new Encoded(toJson(value.value, what, method), value.tail)
  return new Encoded(toJson(value, what, method), undefined)
}

function toJson(value: unknown, what: string, method: string | undefined): string | undefined {
  try {
    return soundJson(value, what)
  } catch (cause) {
    const name = method === undefined ? what : `the ${what} of ${method}`
    throw new MeshError('invalid_argument', `Cannot encode ${name} as JSON: ${reasonOf(cause)}`, { cause })
  }
}

/**
 * What a getter, a toJSON or a proxy of the value threw, of an error of {@link encodeBody}; undefined: the value itself does not fit.
 */
export function thrownByValue(error: unknown): { readonly thrown: unknown } | undefined {
  if (!(error instanceof MeshError) || error.code !== 'invalid_argument' || !('cause' in error))
    return undefined
  const { cause } = error
  return cause instanceof UnsoundPart || isOfEngine(cause) ? undefined : { thrown: cause }
}

const isTooDeep = (cause: unknown): boolean =>
  cause instanceof RangeError && /call stack/i.test(cause.message)

/** Whether JSON.stringify itself threw it: a getter may throw a RangeError, too, as a Date does. */
const isOfEngine = (cause: unknown): boolean =>
  isTooDeep(cause) || (cause instanceof RangeError && /string length/i.test(cause.message))

const reasonOf = (cause: unknown): string | undefined => {
  if (isTooDeep(cause)) return 'it is nested too deeply'
  return cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause)
}

/**
 * The body of a received frame, a view on the received bytes that is parsed when asked for: a request that is shed or
 * denied costs no parsing.
 */
export class FrameBody {
  readonly #bytes: Buffer
  readonly #start: number
  readonly #jsonEnd: number
  readonly #end: number
  readonly #tailed: boolean
  readonly #textBytes: number

  /** @param textBytes of the JSON text when it is compressed; 0: it is not */
  constructor(bytes: Buffer, start: number, jsonEnd: number, end: number, tailed: boolean, textBytes = 0) {
    this.#bytes = bytes
    this.#start = start
    this.#jsonEnd = jsonEnd
    this.#end = end
    this.#tailed = tailed
    this.#textBytes = textBytes
  }

  /** Bytes of JSON and tail together, compressed ones as they will be. */
  get byteLength(): number {
    return this.#textBytes === 0 ? this.#end - this.#start : this.#textBytes
  }

  /**
   * The value as {@link encodeBody} took it. A raw tail is a view on the received chunk: copy what is kept for long.
   * @throws MeshError `protocol_error` when the JSON part is not JSON, or no compressed text of its length
   */
  value(): unknown {
    const json = this.#jsonEnd > this.#start ? this.#parse() : undefined
    if (!this.#tailed) return json
    const tail = this.#bytes.subarray(this.#jsonEnd, this.#end)
    return this.#jsonEnd > this.#start ? new Tailed(json, tail) : tail
  }

  #text(): string {
    if (this.#textBytes === 0) return this.#bytes.toString('utf8', this.#start, this.#jsonEnd)
    return decompress(this.#bytes.subarray(this.#start, this.#jsonEnd), this.#textBytes)
  }

  #parse(): unknown {
    const text = this.#text()
    try {
      return JSON.parse(text)
    } catch (cause) {
      const size = this.byteLength - (this.#end - this.#jsonEnd)
      throw new MeshError('protocol_error', `Cannot parse frame body: its ${size} bytes are not JSON`, {
        cause,
      })
    }
  }
}
