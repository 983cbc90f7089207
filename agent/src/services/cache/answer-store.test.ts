import { describe, expect, it } from 'vitest'
import { collector } from '../../core/collector.ts'
import { AnswerStore } from './answer-store.ts'
import { StoredAnswer } from './stored-answer.ts'

const origin = { peerId: 'a', serial: 's', revocations: 1 }
const stored = (value: unknown, { tags = [] as string[], staleUntil = Infinity } = {}): StoredAnswer =>
  StoredAnswer.value({ value, peerId: 'a', path: 'direct', attempts: 1 }, origin, tags, {
    freshUntil: staleUntil,
    staleUntil,
  })

/** Text that shares no memory with other text. */
const textOf = (seed: number, length: number, letter = 'x'): string =>
  Buffer.alloc(length * Buffer.byteLength(letter), `${seed}${letter}`)
    .toString()
    .slice(0, length)

/** Bytes that are reachable. */
function heapBytes(): number {
  const collect = collector()
  let bytes = Infinity
  // Buffers are freed by the collection after the one that found them.
  for (let round = 0; round < 5; round++) {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    bytes = Math.min(bytes, heapUsed + external)
  }
  return bytes
}

describe('the room of the store', () => {
  const mib = 1 << 20

  it.each([
    ['short answers', (n: number) => n % 1_000],
    ['answers of 1 KB', (n: number) => ({ text: textOf(n, 1_000) })],
    ['answers of 20 KB in Japanese', (n: number) => textOf(n, 10_000, '語')],
    ['bytes', (n: number) => new Uint8Array(3_000).fill(n)],
  ])('is held within 10 % by %s', (_, valueOf) => {
    const before = heapBytes()
    const store = new AnswerStore(16 * mib, () => 0)
    for (let n = 0; n < 60_000; n++) {
      const key = `docs@1.get  {"id":"${n}"}`
      store.get(key)
      store.set(key, stored(valueOf(n)))
      if (store.bytes > 15.9 * mib) break
    }
    const used = heapBytes() - before - 4 * 65_536
    expect(store.bytes).toBeLessThanOrEqual(16 * mib)
    expect(store.bytes).toBeGreaterThan(15 * mib)
    expect(used / (16 * mib)).toBeLessThan(1.1)
  })

  it('keeps no answer larger than an eighth of it', () => {
    const store = new AnswerStore(mib, () => 0)
    store.set('large', stored(textOf(1, mib / 8), { tags: ['t'] }))
    store.set('fits', stored(textOf(1, mib / 10), { tags: ['t'] }))
    expect([store.get('large'), store.size, store.invalidate(['t'])]).toEqual([undefined, 1, 1])
  })

  it('is not given to answers that are asked for once, by those that are asked for often', () => {
    const store = new AnswerStore(mib, () => 0)
    const ask = (key: string) => {
      if (store.get(key) !== undefined) return true
      store.set(key, stored(textOf(1, 10_000)))
      return false
    }
    const often = Array.from({ length: 50 }, (_, n) => `often ${n}`)
    for (let round = 0; round < 4; round++) often.forEach(ask)
    for (let n = 0; n < 1_000; n++) ask(`once ${n}`)
    expect(often.filter(ask)).toHaveLength(50)
  })

  it('is given back by answers that are out of date, and by their tags', () => {
    let now = 0
    const store = new AnswerStore(mib, () => now)
    for (let n = 0; n < 80; n++) {
      store.get(`old ${n}`)
      store.get(`old ${n}`)
      store.set(`old ${n}`, stored(textOf(1, 10_000), { tags: ['old'], staleUntil: 10 }))
    }
    now = 10
    expect(store.get('old 0')).toBeUndefined()
    for (let n = 0; n < 80; n++) store.set(`new ${n}`, stored(textOf(1, 10_000)))
    expect(store.get('new 79')).toBeDefined()
    expect(store.bytes).toBeLessThanOrEqual(mib)
  })
})
