import type { Bench } from '../bench.ts'
import { measureInTurns, ratioOf } from './rounds.ts'

const mesh = 'mesh-wire'
const contenders = ['tls', mesh, 'moleculer'] as const

export const rpcWire: Bench = {
  about: 'calls of 100 B over one link: Agent Mesh, raw node:tls, Moleculer TCP',
  peers: true,
  async run({ rounds, progress }) {
    const entries = contenders.map(name => ({ name, call: 'echo' as const }))
    const figures = await measureInTurns(entries, rounds, progress)
    return {
      bench: 'rpc-wire',
      ratios: {
        throughput_vs_tls: ratioOf(figures, 'calls_per_s', mesh, 'tls'),
        throughput_vs_moleculer: ratioOf(figures, 'calls_per_s', mesh, 'moleculer'),
        p50_vs_tls: ratioOf(figures, 'p50_alone_us', mesh, 'tls'),
        cpu_vs_tls: ratioOf(figures, 'cpu_us_per_call', mesh, 'tls'),
      },
      figures: Object.fromEntries(figures),
    }
  },
}
