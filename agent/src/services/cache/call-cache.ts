import type { CallAnswer } from '../call/call-answer.ts'
import type { Plan } from '../call/plan.ts'
import type { AnswerCache, AnswerCacheInit, CachedPlan, CacheQuestion } from './answer-cache.ts'

/** The cache as a step of calls. It is loaded by the first call of a method with a cache: most programs have none. */
export class CallCache {
  readonly #init: AnswerCacheInit
  #loading: Promise<AnswerCache> | undefined
  #cache: AnswerCache | undefined
  #stopped = false

  constructor(init: AnswerCacheInit) {
    this.#init = init
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

  /** Cancels what is being fetched, and keeps nothing any more. */
  stop(): void {
    this.#stopped = true
    this.#cache?.stop()
  }

  #load(): Promise<AnswerCache> {
    return (this.#loading ??= import('./answer-cache.ts').then(({ AnswerCache }) => {
      this.#cache = new AnswerCache(this.#init)
      if (this.#stopped) this.#cache.stop()
      return this.#cache
    }))
  }
}

/** Whether the contract of a call allows to keep its answer; with metadata, the answer may depend on that. */
export const isCached = (plan: Plan): plan is CachedPlan =>
  plan.contract?.cache !== undefined && plan.fields?.metadata === undefined
