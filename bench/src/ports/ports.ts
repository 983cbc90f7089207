/**
 * Bytes through a port that `agent-mesh forward` listens on, beside raw TLS. On their way they pass the command, the agent of the
 * one machine and that of the other, each a process, to a server behind the exposed port.
 */
import type { Bench, BenchResult } from '../bench.ts'
import { round3, transferSpeeds } from '../bulk/transfer-speeds.ts'

const contenders = ['tls-bulk', 'forwarded'] as const

export const ports: Bench = {
  about: 'bytes through a forwarded port of another member, beside raw node:tls',
  peers: true,
  async run({ rounds, progress }): Promise<BenchResult> {
    const speed = await transferSpeeds({ contenders, rounds, progress })
    return {
      bench: 'ports',
      ratios: { throughput_vs_tls: round3(speed('forwarded') / speed('tls-bulk')) },
      mib_per_s: Object.fromEntries(contenders.map(name => [name, Math.round(speed(name))])),
    }
  },
}
