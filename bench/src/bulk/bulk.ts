/** Bytes through a pipe of two agents, direct and through a relay, beside raw TLS; and small calls on the same link meanwhile. */
import type { Bench, BenchResult } from '../bench.ts'
import { median } from '../load.ts'
import { startPair, stopPairs, type Pair } from '../rpc/rounds.ts'

const contenders = ['tls-bulk', 'mesh', 'mesh-relayed'] as const
type Name = (typeof contenders)[number]

/** Of one transfer. */
const bytes = 256 << 20

export const bulk: Bench = {
  about: 'bytes through a pipe, direct and relayed, beside raw node:tls; calls on the same link meanwhile',
  peers: true,
  async run({ rounds, progress }): Promise<BenchResult> {
    const pairs = new Map<string, Pair>()
    try {
      for (const name of contenders) pairs.set(name, await startPair(name))
      const speeds = new Map<Name, number[]>(contenders.map(name => [name, []]))
      const besides: number[] = []
      // The first round warms up.
      for (let round = 0; round <= rounds; round++)
        for (const name of contenders) {
          const { client } = pairs.get(name) as Pair
          const speed = bytes / (1 << 20) / ((await client.ask('transfer', bytes)) / 1_000)
          const beside = name === 'mesh' ? await client.ask('beside', bytes) : undefined
          progress(
            `round ${round} ${name}: ${speed.toFixed(0)} MiB/s, calls beside it ${beside?.toFixed(2) ?? '-'} ms`,
          )
          if (round === 0) continue
          speeds.get(name)?.push(speed)
          if (beside !== undefined) besides.push(beside)
        }
      return resultOf(name => median(speeds.get(name) ?? []), median(besides))
    } finally {
      await stopPairs(pairs.values())
    }
  },
}

function resultOf(speed: (name: Name) => number, besideMs: number): BenchResult {
  return {
    bench: 'bulk',
    ratios: {
      throughput_vs_tls: round3(speed('mesh') / speed('tls-bulk')),
      relayed_vs_tls: round3(speed('mesh-relayed') / speed('tls-bulk')),
    },
    small_call_p50_ms: round3(besideMs),
    mib_per_s: Object.fromEntries(contenders.map(name => [name, Math.round(speed(name))])),
  }
}

const round3 = (value: number): number => Math.round(value * 1_000) / 1_000
