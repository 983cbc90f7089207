/** Calls through the whole path of two agents, beside what others do for the same call. */
import { spawnSync } from 'node:child_process'
import type { Bench } from '../bench.ts'
import { measureInTurns, ratioOf, type Entry } from './rounds.ts'

const entries: readonly Entry[] = [
  { name: 'tls', call: 'echo' },
  { name: 'mesh', call: 'echo' },
  { name: 'mesh', call: 'typed' },
  { name: 'moleculer', call: 'echo' },
  { name: 'mesh', call: 'objects' },
  { name: 'moleculer', call: 'objects' },
  { name: 'nats', call: 'echo' },
  { name: 'nats', call: 'objects' },
  { name: 'grpc', call: 'echo' },
]

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined

export const rpc: Bench = {
  about: 'calls through two agents, all defaults on: raw node:tls, Moleculer TCP, NATS, gRPC beside them',
  peers: true,
  async run({ rounds, progress }) {
    const hasNats = isThere('nats-server')
    if (!hasNats) progress('NATS is left out: nats-server is not on the PATH')
    const measured = entries.filter(({ name }) => hasNats || name !== 'nats')
    const figures = await measureInTurns(measured, rounds, progress)
    const throughput = (mine: string, other: string) => ratioOf(figures, 'calls_per_s', mine, other)
    const alone = (other: string) => ratioOf(figures, 'p50_alone_us', 'mesh', other)
    return {
      bench: 'rpc',
      ratios: {
        throughput_vs_tls: throughput('mesh', 'tls'),
        throughput_vs_moleculer: throughput('mesh', 'moleculer'),
        p50_vs_tls: alone('tls'),
        p50_vs_moleculer: alone('moleculer'),
        cpu_vs_tls: ratioOf(figures, 'cpu_us_per_call', 'mesh', 'tls'),
        objects10k_vs_moleculer: throughput('mesh.objects', 'moleculer.objects'),
        typed_vs_tls: throughput('mesh.typed', 'tls'),
        throughput_vs_grpc: throughput('mesh', 'grpc'),
        ...(hasNats ? { throughput_vs_nats: throughput('mesh', 'nats') } : {}),
      },
      figures: Object.fromEntries(figures),
    }
  },
}
