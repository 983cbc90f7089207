/** The relay beside libp2p's: the same ends send through one, then the other, in turns. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Bench, BenchResult } from '../bench.ts'
import { median } from '../load.ts'
import type { EndRequest } from './end-process.ts'

const contenders = ['mesh', 'stock'] as const
type Name = (typeof contenders)[number]
const circuitsOfEach = 4
/** ms of each measurement, and before the first. */
const loadMs = 2_000

interface Round {
  /** Bytes per second that arrived. */
  readonly throughput: number
  /** Seconds of CPU of the relay for 1 GB. */
  readonly cpuPerGb: number
}

interface Setup {
  readonly relay: ChildProcess
  readonly source: ChildProcess
  readonly target: ChildProcess
}

async function ask<T>(child: ChildProcess, request: object): Promise<T> {
  child.send(request)
  const [reply] = (await once(child, 'message')) as [T & { error?: string }]
  if (reply.error !== undefined) throw new Error(reply.error)
  return reply
}

async function start<T>(
  script: string,
  args: string[],
  children: ChildProcess[],
): Promise<[ChildProcess, T]> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  children.push(child)
  const [ready] = (await once(child, 'message')) as [T]
  return [child, ready]
}

async function setUp(name: Name, children: ChildProcess[]): Promise<Setup> {
  const [relay, { address }] = await start<{ address: string }>('relay-process.ts', [name], children)
  const [source] = await start('end-process.ts', [], children)
  const [target, { peerId }] = await start<{ peerId: string }>('end-process.ts', [], children)
  await Promise.all([source, target].map(end => ask(end, { relay: address } satisfies EndRequest)))
  await ask(source, { targets: Array.from({ length: circuitsOfEach }, () => peerId) } satisfies EndRequest)
  return { relay, source, target }
}

async function measure({ relay, source, target }: Setup): Promise<Round> {
  const look = async () => {
    const [{ received }, { cpuMicros }] = await Promise.all([
      ask<{ received: number }>(target, {}),
      ask<{ cpuMicros: number }>(relay, {}),
    ])
    return { received, cpuMicros, at: performance.now() }
  }
  const before = await look()
  await ask(source, { sendMs: loadMs } satisfies EndRequest)
  const after = await look()
  const bytes = after.received - before.received
  return {
    throughput: (bytes / (after.at - before.at)) * 1_000,
    cpuPerGb: (after.cpuMicros - before.cpuMicros) / 1e6 / (bytes / 1e9),
  }
}

export const relay: Bench = {
  about: 'bytes through a relay: Agent Mesh beside stock libp2p',
  async run({ rounds, progress }) {
    const children: ChildProcess[] = []
    try {
      const setups: [Name, Setup][] = []
      for (const name of contenders) setups.push([name, await setUp(name, children)])
      for (const [, setup] of setups) await measure(setup)
      const measured = new Map<Name, Round[]>(contenders.map(name => [name, []]))
      for (let round = 1; round <= rounds; round++)
        for (const [name, setup] of setups) {
          const result = await measure(setup)
          progress(`round ${round} ${name}: ${describe(result)}`)
          measured.get(name)?.push(result)
        }
      return resultOf(measured)
    } finally {
      for (const child of children) child.disconnect()
    }
  },
}

const describe = ({ throughput, cpuPerGb }: Round): string =>
  `${(throughput / 1e6).toFixed(0)} MB/s, ${cpuPerGb.toFixed(2)} s of the relay's CPU a GB`

function resultOf(measured: Map<Name, Round[]>): BenchResult {
  const of = (name: Name, key: keyof Round) => median((measured.get(name) ?? []).map(round => round[key]))
  const figures = (name: Name) => ({
    mb_per_s: Math.round(of(name, 'throughput') / 1e6),
    relay_cpu_s_per_gb: round2(of(name, 'cpuPerGb')),
  })
  return {
    bench: 'relay',
    ratios: {
      throughput_vs_stock: round2(of('mesh', 'throughput') / of('stock', 'throughput')),
      bytes_per_relay_cpu_vs_stock: round2(of('stock', 'cpuPerGb') / of('mesh', 'cpuPerGb')),
    },
    figures: { mesh: figures('mesh'), stock: figures('stock') },
  }
}

const round2 = (value: number): number => Math.round(value * 100) / 100
