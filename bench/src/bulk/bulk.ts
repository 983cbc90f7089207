/** Bytes through a pipe of two agents, direct and through a relay, beside raw TLS; and small calls on the same link meanwhile. */
import type { Bench, BenchResult } from '../bench.ts'
import { median } from '../load.ts'
import type { Pair } from '../rpc/rounds.ts'
import { round3, transferBytes, transferSpeeds } from './transfer-speeds.ts'

const contenders = ['tls-bulk', 'mesh', 'mesh-relayed'] as const
type Name = (typeof contenders)[number]

export const bulk: Bench = {
  about: 'bytes through a pipe, direct and relayed, beside raw node:tls; calls on the same link meanwhile',
  peers: true,
  async run({ rounds, progress }): Promise<BenchResult> {
    const besides: number[] = []
    const after = async (name: Name, { client }: Pair): Promise<void> => {
      if (name !== 'mesh') return
      const beside = await client.ask('beside', transferBytes)
      progress(`calls beside it: ${beside.toFixed(2)} ms`)
      besides.push(beside)
    }
    const speed = await transferSpeeds({ contenders, rounds, progress, after })
    return resultOf(speed, median(besides))
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
