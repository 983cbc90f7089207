import type { CallAnswer } from '../call/call-answer.ts'
import type { Plan } from '../call/plan.ts'
import type { CacheAdmission } from './admission.ts'
import type { AnswerCache, AnswerCacheInit, CachedPlan, CacheQuestion } from './answer-cache.ts'
import type { AnswerStore } from './answer-store.ts'

/** The cache as a step of calls. It is loaded by the first call of a method with a cache: most programs have none. */
export class CallCache {
  readonly #init: AnswerCacheInit
  #loading: Promise<AnswerCache> | undefined
  #cache: AnswerCache | undefined
  readonly #onLoaded: () => void
  /** A call whose answer has tags begins. Must not throw. */
  onTagged: () => void = () => undefined
  #room: number
  #admission: CacheAdmission = 'frequency'
  #stopped = false

  /** @param onLoaded the first method with a cache was called */
  constructor(init: AnswerCacheInit, onLoaded: () => void = () => undefined) {
    this.#init = init
    this.#room = init.maxBytes
    this.#onLoaded = onLoaded
  }

  /** Bytes that answers may take, at most {@link maxBytes}. */
  get room(): number {
    return this.#room
  }

  set room(bytes: number) {
    this.#room = bytes
    if (this.#cache !== undefined) this.#cache.store.room = bytes
  }

  get maxBytes(): number {
    return this.#init.maxBytes
  }

  /** Which answers may take the room of others. */
  get admission(): CacheAdmission {
    return this.#admission
  }

  set admission(admission: CacheAdmission) {
    this.#admission = admission
    if (this.#cache !== undefined) this.#cache.store.admission = admission
  }

  /** The answers; undefined until a method with a cache was called. */
  get store(): AnswerStore | undefined {
    return this.#cache?.store
  }

  /** Of answers that are kept. */
  get bytes(): number {
    return this.#cache?.bytes ?? 0
  }

  /** Answers that are kept. */
  get size(): number {
    return this.#cache?.size ?? 0
  }

  /** @throws MeshError as a call */
  answer(question: CacheQuestion): Promise<CallAnswer> {
    if (this.#cache !== undefined) return this.#cache.answer(question)
    return this.#load().then(cache => cache.answer(question))
  }

  /** Drops answers with any of these tags. @returns how many were dropped */
  async invalidate(tags: readonly string[]): Promise<number> {
    return this.#loading === undefined ? 0 : (await this.#loading).invalidate(tags)
  }

  /** Drops all answers. */
  async invalidateAll(): Promise<void> {
    await this.#loading?.then(cache => cache.invalidateAll())
  }

  /** Cancels what is being fetched, and keeps nothing any more. */
  stop(): void {
    this.#stopped = true
    this.#cache?.stop()
  }

  #load(): Promise<AnswerCache> {
    return (this.#loading ??= import('./answer-cache.ts').then(({ AnswerCache }) => {
      this.#cache = new AnswerCache({ ...this.#init, onTagged: () => this.onTagged() })
      this.#cache.store.room = this.#room
      this.#cache.store.admission = this.#admission
      this.#onLoaded()
      if (this.#stopped) this.#cache.stop()
      return this.#cache
    }))
  }
}

/** Whether the contract of a call allows to keep its answer; with metadata, the answer may depend on that. */
export const isCached = (plan: Plan): plan is CachedPlan =>
  plan.contract?.cache !== undefined && plan.fields?.metadata === undefined
