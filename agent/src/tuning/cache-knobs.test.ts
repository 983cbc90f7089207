/** Room and admission of a real store, asked by loads in virtual time. */
import { describe, expect, it } from 'vitest'
import type { CacheAdmission } from '../services/cache/admission.ts'
import { AnswerStore } from '../services/cache/answer-store.ts'
import { StoredAnswer } from '../services/cache/stored-answer.ts'
import { seeded } from '../services/testing/balance-simulation.ts'
import { CacheAdmissionKnob, CacheSizeKnob, CacheTrials } from './cache-knobs.ts'

const kib = 1024
const text = 'x'.repeat(600)
const origin = { peerId: 'a', serial: 's', revocations: 1 }
const answer = () =>
  StoredAnswer.value({ value: text, peerId: 'a', path: 'direct', attempts: 1 }, origin, [], {
    freshUntil: Infinity,
    staleUntil: Infinity,
  })

/** A cache with some 1,000 answers for each MiB. */
class TunedStore {
  readonly maxBytes = 1024 * kib
  readonly store = new AnswerStore(this.maxBytes, () => 0)
  #room = this.maxBytes
  #admission: CacheAdmission = 'frequency'

  get bytes(): number {
    return this.store.bytes
  }

  get room(): number {
    return this.#room
  }

  set room(bytes: number) {
    this.store.room = this.#room = bytes
  }

  get admission(): CacheAdmission {
    return this.#admission
  }

  set admission(admission: CacheAdmission) {
    this.store.admission = this.#admission = admission
  }

  /** @returns share of the questions that it answered */
  ask(questions: number, keyOf: (question: number) => string): number {
    let hits = 0
    for (let question = 0; question < questions; question++) {
      const key = keyOf(question)
      if (this.store.get(key) !== undefined) hits++
      else this.store.set(key, answer())
    }
    return hits / questions
  }
}

function tuned() {
  const cache = new TunedStore()
  const trials = new CacheTrials(cache, () => 0)
  return { cache, size: new CacheSizeKnob(trials), admission: new CacheAdmissionKnob(trials) }
}

/** Each question is for one of the latest 600 keys, of which one in four is new. */
function drifting() {
  const random = seeded(3)
  return (question: number) => `new ${Math.floor(question / 4) - Math.floor(random() * 600)}`
}

const few = () => {
  const random = seeded(5)
  return () => `one of 300: ${Math.floor(random() * 300)}`
}

const many = () => {
  const random = seeded(9)
  return () => `one of 900: ${Math.floor(random() * 900)}`
}

describe('the room of the cache', () => {
  it('is given back when half of it answers as many calls, and grows when more of them ask for more', () => {
    const { cache, size } = tuned()
    size.watch()
    cache.ask(200, question => `once ${question}`)
    cache.ask(600, question => `never again ${question}`)
    cache.ask(40_000, few())
    const smaller = size.propose()
    expect(smaller?.after).toBe('512 KiB')
    const before = cache.ask(5_000, few())
    smaller!.apply()
    expect(cache.bytes).toBeLessThanOrEqual(512 * kib)
    cache.ask(2_000, few())
    expect(cache.ask(5_000, few())).toBeGreaterThan(before - 0.01)
    cache.ask(20_000, many())
    const larger = size.propose()
    expect(larger?.after).toBe('1 MiB')
    const short = cache.ask(5_000, many())
    larger!.apply()
    cache.ask(20_000, many())
    expect(cache.ask(5_000, many())).toBeGreaterThan(short + 0.1)
  })

  it('is not changed before enough was asked', () => {
    const { cache, size, admission } = tuned()
    size.watch()
    cache.ask(3_000, few())
    expect([size.propose(), admission.propose()]).toEqual([undefined, undefined])
  })
})

describe('the admission of the cache', () => {
  it('lets each new answer in where the keys drift, and back when the change is reverted', () => {
    const { cache, admission } = tuned()
    admission.watch()
    const next = drifting()
    const before = cache.ask(40_000, next)
    const all = admission.propose()
    expect(all?.after).toBe('all')
    all!.apply()
    const drift = drifting()
    expect(cache.ask(40_000, question => `later ${drift(question)}`)).toBeGreaterThan(before + 0.02)
    all!.revert()
    expect(cache.admission).toBe('frequency')
  })
})
