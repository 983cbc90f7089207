import type { Bench, BenchResult } from '../bench.ts'
import { median } from '../load.ts'
import { WorkerProcess } from '../worker-process.ts'

const contenders = ['tls', 'mesh', 'moleculer'] as const
type Name = (typeof contenders)[number]

const inFlight = 64
/** ms of each measurement: some 100,000 calls of the fast ones. */
const loadMs = 1_500
const aloneMs = 500
/** ms of load before the first round: what runs once per batch is compiled late, and rounds would measure that. */
const warmMs = 5_000

interface Round {
  /** Calls per second, 64 in flight. */
  readonly throughput: number
  /** Microseconds of CPU a call, both ends, 64 in flight. */
  readonly cpu: number
  /** Microseconds of the median call, 1 in flight. */
  readonly p50: number
}

interface Pair {
  readonly server: WorkerProcess
  readonly client: WorkerProcess
}

export const rpcWire: Bench = {
  about: 'calls of 100 B over one link: Agent Mesh, raw node:tls, Moleculer TCP',
  peers: true,
  async run({ rounds, progress }) {
    const pairs: [Name, Pair][] = []
    try {
      for (const name of contenders) pairs.push([name, await startPair(name)])
      const measured = new Map<Name, Round[]>(contenders.map(name => [name, []]))
      for (const [name, { client }] of pairs) {
        progress(`warming up ${name}`)
        await client.ask('throughput', inFlight, warmMs)
      }
      for (let round = 1; round <= rounds; round++) {
        for (const [name, pair] of pairs) {
          const result = await measure(pair)
          progress(`round ${round} ${name}: ${describe(result)}`)
          measured.get(name)?.push(result)
        }
      }
      return resultOf(measured)
    } finally {
      await Promise.all(pairs.flatMap(([, { server, client }]) => [client.stop(), server.stop()]))
    }
  },
}

async function startPair(name: Name): Promise<Pair> {
  const modulePath = new URL(`${name}.ts`, import.meta.url).href
  const [server, client] = await Promise.all([
    WorkerProcess.start(modulePath),
    WorkerProcess.start(modulePath),
  ])
  try {
    await client.ask('connect', await server.ask('serve'))
  } catch (error) {
    await Promise.all([client.stop(), server.stop()])
    throw error
  }
  return { server, client }
}

async function measure({ server, client }: Pair): Promise<Round> {
  const cpu = async (): Promise<number> => (await client.ask('cpu')) + (await server.ask('cpu'))
  const before = await cpu()
  const { calls, ms } = await client.ask('throughput', inFlight, loadMs)
  const used = (await cpu()) - before
  return { throughput: (calls / ms) * 1_000, cpu: used / calls, p50: await client.ask('alone', aloneMs) }
}

const describe = ({ throughput, cpu, p50 }: Round): string =>
  `${Math.round(throughput)} calls/s, ${cpu.toFixed(2)} us CPU a call, p50 alone ${p50.toFixed(0)} us`

function resultOf(measured: Map<Name, Round[]>): BenchResult {
  const of = (name: Name, key: keyof Round): number =>
    median((measured.get(name) ?? []).map(round => round[key]))
  const ratio = (name: Name, key: keyof Round): number => round3(of('mesh', key) / of(name, key))
  return {
    bench: 'rpc-wire',
    ratios: {
      throughput_vs_tls: ratio('tls', 'throughput'),
      throughput_vs_moleculer: ratio('moleculer', 'throughput'),
      p50_vs_tls: ratio('tls', 'p50'),
      cpu_vs_tls: ratio('tls', 'cpu'),
    },
    figures: Object.fromEntries(
      contenders.map(name => [
        name,
        {
          calls_per_s: Math.round(of(name, 'throughput')),
          p50_alone_us: round3(of(name, 'p50')),
          cpu_us_per_call: round3(of(name, 'cpu')),
        },
      ]),
    ),
  }
}

const round3 = (value: number): number => Math.round(value * 1_000) / 1_000
