import type { MeshError } from '@agent-mesh/protocol'
import { encodeBody, Tailed, type Encoded } from '@agent-mesh/protocol/wire/index'
import type { CallAnswer } from '../call/call-answer.ts'
import type { AnswerOrigin } from './answer-guard.ts'
import { cacheDefaults } from './defaults.ts'

/** Monotonic ms. */
interface Lifetime {
  readonly freshUntil: number
  readonly staleUntil: number
}

/** An answer as it came over the wire, so that no caller shares an object with another; or a failure that is kept as an answer. */
export class StoredAnswer {
  readonly error: MeshError | undefined
  readonly origin: AnswerOrigin
  readonly tags: readonly string[]
  readonly freshUntil: number
  readonly staleUntil: number
  /** Of {@link value}: who gave it, and over which path. */
  readonly #answer: Omit<CallAnswer, 'value'> | undefined
  readonly #body: Encoded | undefined
  #bytes: number | undefined

  private constructor(
    of: { answer: CallAnswer } | { error: MeshError },
    origin: AnswerOrigin,
    tags: readonly string[],
    { freshUntil, staleUntil }: Lifetime,
  ) {
    const answer = 'answer' in of ? of.answer : undefined
    this.error = 'error' in of ? of.error : undefined
    this.#answer = answer && { peerId: answer.peerId, path: answer.path, attempts: answer.attempts }
    this.#body = answer && copyOf(encodeBody(answer.value, 'result'))
    this.origin = origin
    this.tags = tags
    this.freshUntil = freshUntil
    this.staleUntil = staleUntil
  }

  static value(
    answer: CallAnswer,
    origin: AnswerOrigin,
    tags: readonly string[],
    life: Lifetime,
  ): StoredAnswer {
    return new StoredAnswer({ answer }, origin, tags, life)
  }

  static failure(
    error: MeshError,
    origin: AnswerOrigin,
    tags: readonly string[],
    until: number,
  ): StoredAnswer {
    return new StoredAnswer({ error }, origin, tags, { freshUntil: until, staleUntil: until })
  }

  /** The answer as a call would have brought it, its value made anew. @throws MeshError the failure */
  answer(): CallAnswer {
    if (this.error !== undefined) throw this.error
    return { ...this.#answer!, value: valueOf(this.#body!) }
  }

  /** What keeping it under its key takes. */
  bytes(key: string): number {
    return (this.#bytes ??= this.#measure(key))
  }

  #measure(key: string): number {
    const { json = '', tail } = this.#body ?? {}
    const text = textBytes(key) + textBytes(json) + textBytes(this.error?.message ?? '')
    const tags = this.tags.reduce((sum, tag) => sum + cacheDefaults.tagBytes + textBytes(tag), 0)
    return cacheDefaults.entryBytes + text + tags + (tail?.byteLength ?? 0)
  }
}

/** Received bytes are a view on a larger chunk, which would stay in memory with them; so would the pool of small buffers. */
function copyOf({ json, tail }: Encoded): Encoded {
  if (tail === undefined) return { json, tail }
  const own = Buffer.allocUnsafeSlow(tail.byteLength)
  own.set(tail)
  return { json, tail: own }
}

function valueOf({ json, tail }: Encoded): unknown {
  const value = json === undefined ? undefined : (JSON.parse(json) as unknown)
  if (tail === undefined) return value
  return json === undefined ? Buffer.from(tail) : new Tailed(value, Buffer.from(tail))
}

/** In memory: a byte for each character where all are ASCII, else two. */
const textBytes = (text: string): number =>
  Buffer.byteLength(text) === text.length ? text.length : 2 * text.length
