/**
 * How often a call of a method with a cache is answered by it, through the whole path of the caller: keys by Zipf's law, room for
 * a fifth of them, a callee that answers at once.
 */
import { CallCache, defineService, ServiceCaller, type CallTargets } from '@agent-mesh/agent'
import * as z from 'zod/mini'
import type { Bench } from '../bench.ts'
import { Zipf } from './zipf.ts'

const keys = 10_000
const room = 2_000
const calls = 1_000_000
/** Calls that fill the cache and are not counted. */
const warmUp = calls / 5
const seed = 777

const docs = defineService({
  name: 'docs',
  version: 1,
  methods: {
    get: {
      params: z.object({ id: z.number() }),
      result: z.string(),
      idempotent: true,
      cache: { ttl: 86_400_000 },
    },
  },
})

const text = 'x'.repeat(1_000)
/** Bytes of one answer in the cache: text, key, and what keeping it takes. */
const answerBytes = text.length + 2 + 422

export const cache: Bench = {
  about: 'hits of the cache of answers: 10,000 keys by Zipf’s law, room for 20 %',
  run: async ({ progress }) => {
    const [even, steep] = [await hits(1, progress), await hits(1.2, progress)]
    return {
      bench: 'cache',
      zipf12_hits: rounded(steep.share),
      zipf10_vs_best: rounded(even.share / even.best),
      zipf10_hits: rounded(even.share),
      us_per_hit: rounded(steep.usPerCall),
    }
  },
}

async function hits(s: number, progress: (line: string) => void) {
  const zipf = new Zipf(keys, s, seed)
  let [asked, hit] = [0, 0]
  const now = () => performance.now()
  const kept = new CallCache({
    maxBytes: room * answerBytes,
    guard: {
      allows: () => true,
      originOf: peerId => ({ peerId, serial: undefined, revocations: 0 }),
      trusts: () => true,
    },
    now,
    onResult: (_, result) => {
      if (++asked > warmUp && result === 'hit') hit++
    },
  })
  const caller = new ServiceCaller({ targets, contracts: [docs], cache: kept, now, random: () => 0 })
  const startedAt = performance.now()
  for (let call = 0; call < calls; call++) await caller.call('docs.get', { id: zipf.next() })
  const usPerCall = ((performance.now() - startedAt) / calls) * 1_000
  const [share, best] = [hit / (calls - warmUp), zipf.share(room)]
  progress(
    `Zipf(${s}): ${share.toFixed(3)} hits, the best ${room} keys ${best.toFixed(3)}, ${kept.size} kept`,
  )
  caller.stop()
  return { share, best, usPerCall }
}

const targets: CallTargets = {
  providers: () => ({ good: ['callee'], doubtful: [], offline: [] }),
  versions: () => [],
  find: name => name,
  nameOf: peerId => peerId,
  callee: () => ({ call: () => Promise.resolve(text) }),
}

const rounded = (figure: number): number => Number(figure.toFixed(3))
