/**
 * Caches answers at the caller, for methods whose contract allows it. A fresh one is returned at once; a stale one, too, while one
 * call fetches the next; callers that miss the same answer share one call. For a method that the known policy denies to this
 * member, no cached answer is used: the callee decides.
 */
import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { callTimeoutMs } from '../../rpc/index.ts'
import type { CallAnswer } from '../call/call-answer.ts'
import { checkedResult } from '../call/call-errors.ts'
import type { Plan } from '../call/plan.ts'
import { isAnswer } from '../call/retry.ts'
import type { MethodContract } from '../contract/contract.ts'
import type { AnswerGuard } from './answer-guard.ts'
import { AnswerStore } from './answer-store.ts'
import { cacheKey } from './cache-key.ts'
import { cacheDefaults } from './defaults.ts'
import { SharedCall } from './shared-call.ts'
import { StoredAnswer } from './stored-answer.ts'
import { answerTags } from './tags.ts'

/** `hit`: fresh; `stale`: while another is fetched; `shared`: of the call of another caller; `miss`: a call was made. */
export type CacheResult = 'hit' | 'stale' | 'shared' | 'miss'

export interface AnswerCacheInit {
  readonly maxBytes: number
  readonly guard: AnswerGuard
  /** Monotonic ms. */
  readonly now: () => number
  /** A call of `math.add` was answered by the cache, or was not. Must not throw. */
  readonly onResult?: (method: string, result: CacheResult) => void
  /** A call whose answer has tags begins: what is invalidated matters from now on. Must not throw. */
  readonly onTagged?: () => void
}

/** A plan whose contract has a cache. */
export type CachedPlan = Plan & {
  readonly contract: MethodContract & Required<Pick<MethodContract, 'cache'>>
}

export interface CacheQuestion {
  readonly plan: CachedPlan
  /** As the caller passed them. */
  readonly params: unknown
  /** The only member asked. */
  readonly peerId: string | undefined
  /** Makes the call. */
  readonly ask: (plan: Plan) => Promise<CallAnswer>
}

export class AnswerCache {
  readonly #guard: AnswerGuard
  readonly #now: () => number
  readonly #onResult: (method: string, result: CacheResult) => void
  readonly #onTagged: () => void
  readonly #store: AnswerStore
  readonly #shared = new Map<string, SharedCall>()

  constructor({ maxBytes, guard, now, onResult = ignore, onTagged = ignore }: AnswerCacheInit) {
    this.#guard = guard
    this.#now = now
    this.#onResult = onResult
    this.#onTagged = onTagged
    this.#store = new AnswerStore(maxBytes, now)
  }

  get bytes(): number {
    return this.#store.bytes
  }

  /** What its settings change. */
  get store(): AnswerStore {
    return this.#store
  }

  get size(): number {
    return this.#store.size
  }

  /** @throws MeshError as a call */
  async answer(question: CacheQuestion): Promise<CallAnswer> {
    const { plan, peerId, ask } = question
    const now = this.#now()
    const isOver = plan.signal?.aborted === true || now >= plan.deadline
    if (isOver || !this.#guard.allows(`service:${plan.method}`)) return ask(plan)
    const key = cacheKey(plan, peerId)
    const kept = this.#kept(key)
    if (kept === undefined) return this.#missed(key, question)
    const isFresh = now < kept.freshUntil
    if (!isFresh && !this.#shared.has(key)) this.#begin(key, question).detach()
    this.#onResult(plan.method, isFresh ? 'hit' : 'stale')
    return given(kept, plan)
  }

  /** Drops answers with any of these tags; those on their way are not kept. @returns how many were dropped */
  invalidate(tags: readonly string[]): number {
    const dropped = new Set(tags)
    for (const [key, call] of this.#shared) {
      if (!call.tags.some(tag => dropped.has(tag))) continue
      call.outdated = true
      this.#shared.delete(key)
    }
    return this.#store.invalidate(tags)
  }

  /** Drops all answers; those on their way are not kept. */
  invalidateAll(): void {
    for (const call of this.#shared.values()) call.outdated = true
    this.#shared.clear()
    this.#store.clear()
  }

  /** Cancels what is being fetched, and forgets all answers. */
  stop(): void {
    for (const call of [...this.#shared.values()]) call.cancel()
    this.#store.clear()
  }

  #kept(key: string): StoredAnswer | undefined {
    const kept = this.#store.get(key)
    if (kept === undefined || this.#guard.trusts(kept.origin)) return kept
    this.#store.delete(key)
    return undefined
  }

  /**
   * One call for all that miss the same answer; a caller with more time than that call had makes another. Each question counts
   * once: as shared only when nothing else was asked for it.
   */
  async #missed(key: string, question: CacheQuestion): Promise<CallAnswer> {
    const { plan } = question
    const running = this.#shared.get(key)
    if (running === undefined) this.#onResult(plan.method, 'miss')
    const call = running ?? this.#begin(key, question)
    let repeats = false
    try {
      return await given(await call.wait(plan, this.#now()), plan)
    } catch (error) {
      const isLate = error instanceof MeshError && error.code === 'deadline_exceeded'
      // The callee may say so before this member sees that the time is over.
      const ranOut = isLate && (!error.told || this.#now() >= call.deadline)
      repeats = ranOut && call.deadline < plan.deadline && this.#now() < plan.deadline
      if (!repeats) throw error
    } finally {
      if (running !== undefined && !repeats) this.#onResult(plan.method, 'shared')
    }
    return this.#missed(key, question)
  }

  #begin(key: string, { plan, params, peerId, ask }: CacheQuestion): SharedCall {
    const { contract } = plan
    const deadline = Math.max(plan.deadline, this.#now() + (contract.timeout ?? callTimeoutMs))
    const tags = answerTags(contract.cache, params, plan.method)
    if (tags.length > 0) this.#onTagged()
    const call = new SharedCall({
      ...{ deadline, tags },
      ask: async (self, signal) => {
        const uncached = { ...plan, deadline, signal, contract: asReceived(contract) }
        return this.#keep(key, self, plan, peerId, ask(uncached))
      },
      onEnd: ended => {
        if (this.#shared.get(key) === ended) this.#shared.delete(key)
      },
    })
    this.#shared.set(key, call)
    return call
  }

  /** Keeps an answer that fits its schema, or that there is none. @throws MeshError of the call */
  async #keep(
    key: string,
    call: SharedCall,
    plan: CachedPlan,
    peerId: string | undefined,
    asked: Promise<CallAnswer>,
  ): Promise<StoredAnswer> {
    const { contract, method } = plan
    const { ttl, stale = 0 } = contract.cache
    try {
      const answer = await asked
      await checkedResult(contract, answer.value, method)
      const freshUntil = this.#now() + ttl
      const life = { freshUntil, staleUntil: freshUntil + stale }
      const stored = StoredAnswer.value(answer, this.#guard.originOf(answer.peerId), call.tags, life)
      if (!call.outdated) this.#store.set(key, stored)
      return stored
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      if (final.includes(error.code)) this.#store.delete(key)
      if (error.code !== 'not_found' || !isAnswer(error)) throw error
      const until = this.#now() + Math.min(ttl, cacheDefaults.negativeMs)
      const stored = StoredAnswer.failure(error, this.#guard.originOf(peerId), call.tags, until)
      if (!call.outdated) this.#store.set(key, stored)
      return stored
    }
  }
}

const ignore = (): void => undefined

/** Failures after which a stale answer serves no more; after any other it serves on. */
const final: readonly ErrorCode[] = ['permission_denied', 'unauthenticated', 'revoked', 'not_found']

async function given(stored: StoredAnswer, { contract, method }: CachedPlan): Promise<CallAnswer> {
  const answer = stored.answer()
  return { ...answer, value: await checkedResult(contract, answer.value, method) }
}

/** The contract of a call whose value is checked where it is given, each time. */
const asReceived = (contract: MethodContract): MethodContract => ({ ...contract, result: anything })

const anything: MethodContract['result'] = {
  '~standard': { version: 1, vendor: 'agent-mesh', validate: value => ({ value }) },
}
