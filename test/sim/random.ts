/** Seeded randomness, one stream for each purpose: a fault more changes nothing about the latencies. */
export type Random = () => number

/** 0 <= n < 1 (mulberry32). */
export function randomFrom(seed: number, purpose: string): Random {
  let state = seed | 0
  for (const char of purpose) state = Math.imul(state ^ char.charCodeAt(0), 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export const between = (random: Random, low: number, high: number): number => low + random() * (high - low)

export function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[Math.floor(random() * from.length)]
  if (one === undefined) throw new Error('Cannot pick one of nothing')
  return one
}

/** `count` of them, none twice. */
export function some<T>(random: Random, from: readonly T[], count: number): T[] {
  const left = [...from]
  return Array.from({ length: Math.min(count, left.length) }, () => {
    const [one] = left.splice(Math.floor(random() * left.length), 1)
    if (one === undefined) throw new Error('Cannot pick one of nothing')
    return one
  })
}
