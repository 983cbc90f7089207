import { LRUCache } from 'lru-cache'
import { outweighs, type CacheAdmission, type Victim } from './admission.ts'
import { cacheDefaults } from './defaults.ts'
import { Frequencies } from './frequencies.ts'
import type { StoredAnswer } from './stored-answer.ts'

/** What a store is asked. Must not throw. */
export interface StoreWatch {
  /** @param answer that is kept, fresh or not */
  asked(key: string, answer: StoredAnswer | undefined): void
  /** An answer came that could be kept. */
  came(key: string, answer: StoredAnswer): void
}

/** A dropped answer, or one that was not admitted, is no loss beyond the next call. */
export class AnswerStore {
  readonly #now: () => number
  readonly #answers: LRUCache<string, StoredAnswer>
  readonly #keysOf = new Map<string, Set<string>>()
  readonly #frequencies = new Frequencies()
  #room: number
  #admission: CacheAdmission = 'frequency'
  #watch: StoreWatch | undefined

  /** @param now monotonic ms */
  constructor(maxBytes: number, now: () => number) {
    this.#room = maxBytes
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

  /** Bytes that answers may take, at most those it was made with; an answer an eighth of that. */
  set room(bytes: number) {
    this.#room = bytes
    this.#shrinkTo(bytes)
  }

  set admission(admission: CacheAdmission) {
    this.#admission = admission
  }

  /** Sees what is asked for and kept. */
  set watch(watch: StoreWatch | undefined) {
    this.#watch = watch
  }

  /** How often a key was asked for of late, 0 to 255. */
  asked(key: string): number {
    return this.#frequencies.of(key)
  }

  /** The answer that is kept and may still be used, fresh or stale; counts the question. */
  get(key: string): StoredAnswer | undefined {
    this.#frequencies.add(key, this.#answers.size)
    const answer = this.#answers.get(key)
    this.#watch?.asked(key, answer)
    if (answer === undefined || this.#now() < answer.staleUntil) return answer
    this.#answers.delete(key)
    return undefined
  }

  /** Keeps an answer if it is small enough, and by default if it is asked for more often than what would make room for it. */
  set(key: string, answer: StoredAnswer): void {
    const bytes = answer.bytes(key)
    this.#watch?.came(key, answer)
    if (bytes > Math.floor(this.#room * cacheDefaults.entryShare)) return this.delete(key)
    const own = this.#answers.peek(key)?.bytes(key) ?? 0
    if (!this.#admits(key, bytes - own)) return
    this.#shrinkTo(this.#room - bytes + own)
    this.#answers.set(key, answer)
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

  /** @param bytes by which the store would grow */
  #admits(key: string, bytes: number): boolean {
    if (this.#admission === 'all') return true
    const need = bytes - (this.#room - this.#answers.calculatedSize)
    return outweighs(key, need, this.#victims(), asked => this.#frequencies.of(asked))
  }

  *#victims(): Generator<Victim> {
    for (const key of this.#answers.rkeys()) {
      const answer = this.#answers.peek(key)
      if (answer === undefined) continue
      yield { key, bytes: answer.bytes(key), isOver: this.#now() >= answer.staleUntil }
    }
  }

  /** Drops least recently used answers until there are no more than so many bytes. */
  #shrinkTo(bytes: number): void {
    while (this.#answers.calculatedSize > bytes && this.#answers.pop() !== undefined);
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
