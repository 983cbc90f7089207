import { LRUCache } from 'lru-cache'
import { cacheDefaults } from './defaults.ts'
import { Frequencies } from './frequencies.ts'
import type { StoredAnswer } from './stored-answer.ts'

/** A dropped answer, or one that was not admitted, is no loss beyond the next call. */
export class AnswerStore {
  readonly #maxBytes: number
  readonly #now: () => number
  readonly #answers: LRUCache<string, StoredAnswer>
  readonly #keysOf = new Map<string, Set<string>>()
  readonly #frequencies = new Frequencies()

  /** @param now monotonic ms */
  constructor(maxBytes: number, now: () => number) {
    this.#maxBytes = maxBytes
    this.#now = now
    this.#answers = new LRUCache({
      maxSize: maxBytes,
      maxEntrySize: Math.floor(maxBytes * cacheDefaults.entryShare),
      sizeCalculation: (answer, key) => answer.bytes(key),
      dispose: (answer, key) => this.#untag(answer, key),
    })
  }

  get bytes(): number {
    return this.#answers.calculatedSize
  }

  get size(): number {
    return this.#answers.size
  }

  /** The answer that is kept and may still be used, fresh or stale; counts the question. */
  get(key: string): StoredAnswer | undefined {
    this.#frequencies.add(key, this.#answers.size)
    const answer = this.#answers.get(key)
    if (answer === undefined || this.#now() < answer.staleUntil) return answer
    this.#answers.delete(key)
    return undefined
  }

  /** Keeps an answer if it is asked for more often than what would make room for it. */
  set(key: string, answer: StoredAnswer): void {
    if (!this.#admits(key, answer.bytes(key))) return
    this.#answers.set(key, answer)
    // Not kept after all: larger than its share.
    if (this.#answers.peek(key) !== answer) return
    for (const tag of answer.tags) this.#tagged(tag).add(key)
  }

  delete(key: string): void {
    this.#answers.delete(key)
  }

  /** Drops the answers with any of these tags. @returns how many */
  invalidate(tags: readonly string[]): number {
    const keys = new Set(tags.flatMap(tag => [...(this.#keysOf.get(tag) ?? [])]))
    for (const key of keys) this.#answers.delete(key)
    return keys.size
  }

  clear(): void {
    this.#answers.clear()
  }

  /**
   * Least recently used answers make room. Together they must have been asked for less often than the new one, which weighs a large
   * answer against all the small ones it would replace (Einziger et al., Lightweight Robust Size Aware Cache Management, 2021).
   */
  #admits(key: string, bytes: number): boolean {
    let room = this.#maxBytes - this.#answers.calculatedSize + (this.#answers.peek(key)?.bytes(key) ?? 0)
    if (room >= bytes) return true
    const asked = this.#frequencies.of(key)
    let others = 0
    for (const victim of this.#answers.rkeys()) {
      const answer = this.#answers.peek(victim)
      if (answer === undefined || victim === key) continue
      room += answer.bytes(victim)
      if (this.#now() < answer.staleUntil && (others += this.#frequencies.of(victim)) >= asked) return false
      if (room >= bytes) return true
    }
    return false
  }

  #tagged(tag: string): Set<string> {
    let keys = this.#keysOf.get(tag)
    if (keys === undefined) this.#keysOf.set(tag, (keys = new Set()))
    return keys
  }

  #untag({ tags }: StoredAnswer, key: string): void {
    for (const tag of tags) {
      const keys = this.#keysOf.get(tag)
      keys?.delete(key)
      if (keys?.size === 0) this.#keysOf.delete(tag)
    }
  }
}
