/** The service of scaling-mesh.ts: work for a processor, the same for each call. */
import { defineService } from '@agent-mesh/agent'
import * as z from 'zod'

const span = 16

/** How many primes there are among 16 numbers from `from` on, by trial division: some 30 ms above 10^10. */
export function primesFrom(from: number): number {
  let count = 0
  for (let n = from; n < from + span; n++) if (isPrime(n)) count++
  return count
}

function isPrime(n: number): boolean {
  let prime = n > 1
  // It goes on after a divisor is found, so that each call takes as long.
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) prime = false
  return prime
}

export const primes = defineService({
  name: 'primes',
  version: 1,
  methods: {
    count: {
      about: `Primes among the ${span} numbers from this one on.`,
      params: z.int(),
      result: z.object({ from: z.int(), count: z.int() }),
      effects: 'read',
      cache: { ttl: 600_000 },
    },
  },
})

/** What a worker is started with. */
export interface WorkerSettings {
  readonly name: string
  readonly data: string
  readonly token: string
}

/** What the pool tells a worker: to compute so many results without being called, or to stop. */
export type ToWorker = { readonly alone: number } | 'stop'

/** What a worker tells the pool: that it serves, or that it has computed its results. */
export type FromWorker = 'serving' | 'computed'
