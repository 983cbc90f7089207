/** What is called when: the same for the same seed. */
import { longestMs } from './work-contract.ts'

/** Calls a second. */
export const rates = { look: 200, book: 50 } as const

/**
 * How long calls take: 1 ms to 1 s each decade alike, but one in 100 lasts up to 5 s and one in 500 up to 20 s. A restart waits for
 * the calls of its agent, so more long ones would make the run longer than the 6 min it may take.
 */
export function durationOf(random: () => number): number {
  const kind = random()
  if (kind < 1 / 500) return 5_000 + random() * (longestMs - 5_000)
  if (kind < 1 / 500 + 1 / 100) return 1_000 + random() * 4_000
  return 1_000 ** random()
}

/** Uniform in [0, 1), by a linear congruential generator (Numerical Recipes). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
