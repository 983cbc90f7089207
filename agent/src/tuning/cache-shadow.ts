/**
 * What a cache of another room or admission would have answered: small caches without answers, which see a sample of the keys in room
 * of the same share (SHARDS: Waldspurger and others, FAST 2015).
 */
import { outweighs, type CacheAdmission, type Victim } from '../services/cache/admission.ts'
import type { AnswerStore, StoreWatch } from '../services/cache/answer-store.ts'
import { cacheDefaults } from '../services/cache/defaults.ts'
import type { StoredAnswer } from '../services/cache/stored-answer.ts'
import { hashOf } from '../services/balance/rendezvous.ts'
import { gainDefaults } from './defaults.ts'

export interface CacheShape {
  /** Bytes. */
  readonly room: number
  readonly admission: CacheAdmission
}

/** One small cache: keys and sizes, the least recently used first. */
class GhostCache {
  hits = 0
  readonly #room: number
  readonly #admission: CacheAdmission
  readonly #frequency: (key: string) => number
  readonly #now: () => number
  readonly #kept = new Map<string, { bytes: number; staleUntil: number }>()
  #bytes = 0

  constructor(
    { room, admission }: CacheShape,
    { frequency, now }: { frequency: (key: string) => number; now: () => number },
  ) {
    this.#room = room
    this.#admission = admission
    this.#frequency = frequency
    this.#now = now
  }

  /** @returns whether it would have answered */
  ask(key: string, counts: boolean): boolean {
    const kept = this.#kept.get(key)
    if (kept === undefined) return false
    if (this.#now() >= kept.staleUntil) {
      this.#drop(key)
      return false
    }
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    if (counts) this.hits++
    return true
  }

  keep(key: string, bytes: number, staleUntil: number): void {
    this.#drop(key)
    if (bytes > this.#room) return
    const need = bytes + this.#bytes - this.#room
    if (this.#admission === 'frequency' && !outweighs(key, need, this.#victims(), this.#frequency)) return
    for (const victim of this.#kept.keys()) {
      if (this.#bytes + bytes <= this.#room) break
      this.#drop(victim)
    }
    this.#kept.set(key, { bytes, staleUntil })
    this.#bytes += bytes
  }

  *#victims(): Generator<Victim> {
    for (const [key, { bytes, staleUntil }] of this.#kept)
      yield { key, bytes, isOver: this.#now() >= staleUntil }
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0
    this.#kept.delete(key)
  }
}

/** Compares shapes of a cache by the same questions, as long as it is the watch of the store. */
export class CacheShadow implements StoreWatch {
  readonly #ghosts: readonly { shape: CacheShape; ghost: GhostCache }[]
  readonly #mask: number
  readonly #mostBytes: number
  #questions = 0

  /** @param shapes the shape of now first @param now monotonic ms */
  constructor(store: Pick<AnswerStore, 'asked'>, shapes: readonly CacheShape[], now: () => number) {
    const least = Math.min(...shapes.map(({ room }) => room))
    let sampled = 1
    while (sampled < gainDefaults.cacheSampled && least / sampled > gainDefaults.cacheSampleBytes)
      sampled *= 2
    this.#mask = sampled - 1
    this.#mostBytes = least * cacheDefaults.entryShare
    const known = { frequency: (key: string) => store.asked(key), now }
    this.#ghosts = shapes.map(shape => {
      return { shape, ghost: new GhostCache({ ...shape, room: shape.room / sampled }, known) }
    })
  }

  /** Share of the questions that each shape would have answered; undefined until enough were asked. */
  get shares(): readonly { shape: CacheShape; share: number }[] | undefined {
    const counted = this.#questions - gainDefaults.cacheWarmUp
    if (counted < gainDefaults.cacheQuestions) return undefined
    return this.#ghosts.map(({ shape, ghost }) => ({ shape, share: ghost.hits / counted }))
  }

  asked(key: string, answer: StoredAnswer | undefined): void {
    if (!this.#isSampled(key)) return
    const counts = this.#questions++ >= gainDefaults.cacheWarmUp
    for (const { ghost } of this.#ghosts)
      if (!ghost.ask(key, counts) && answer !== undefined) this.#keep(ghost, key, answer)
  }

  came(key: string, answer: StoredAnswer): void {
    if (this.#isSampled(key)) for (const { ghost } of this.#ghosts) this.#keep(ghost, key, answer)
  }

  #keep(ghost: GhostCache, key: string, answer: StoredAnswer): void {
    const bytes = answer.bytes(key)
    if (bytes <= this.#mostBytes) ghost.keep(key, bytes, answer.staleUntil)
  }

  #isSampled(key: string): boolean {
    return this.#mask === 0 || (hashOf(key) & this.#mask) === 0
  }
}
