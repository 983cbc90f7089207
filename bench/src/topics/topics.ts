/**
 * Messages of 1 KiB from one publisher to many subscribers over two relays: processes of the publisher, of each relay, and of the
 * subscribers, several in each. With `--part direct` there is no relay: subscribers have a link to the publisher.
 */
import { startControlPlane } from '@agent-mesh/lambdas'
import { createLogger } from '@agent-mesh/agent'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Bench, BenchOptions, BenchResult } from '../bench.ts'
import { MemberProcess } from '../revoke/member-process.ts'
import type { Heard } from './topic-orders.ts'

const rate = 1_000
const bytes = 1_024
const warmUpMs = 2_000
const loadMs = 5_000
const groupMessages = 600
/** Agents that subscribe in each process. */
const inProcess = 25

interface Site {
  publisher: MemberProcess
  relays: MemberProcess[]
  subscribers: MemberProcess[]
}

async function site(
  folder: string,
  { members, part, progress }: BenchOptions,
  started: MemberProcess[],
): Promise<Site & { stop: () => Promise<void> }> {
  const controlPlane = await startControlPlane({
    data: join(folder, 'control-plane'),
    listen: { host: '127.0.0.1', port: 0 },
    log: createLogger('bench', 'silent'),
  })
  const start = async (kind: 'agent' | 'relay', names: string[]) => {
    const { token } = await controlPlane.createToken({ roles: [kind], uses: names.length })
    const process = await MemberProcess.start({ folder, token, kind, names }, () => undefined)
    started.push(process)
    return process
  }
  const relays: MemberProcess[] = []
  for (const name of part === 'direct' ? [] : ['relay-1', 'relay-2'])
    relays.push(await start('relay', [name]))
  const subscribers: MemberProcess[] = []
  for (let at = 0; at < members; at += inProcess) {
    const count = Math.min(inProcess, members - at)
    subscribers.push(
      await start(
        'agent',
        Array.from({ length: count }, (_, n) => `subscriber-${at + n}`),
      ),
    )
    progress(`${at + count} subscribers started`)
  }
  const publisher = await start('agent', ['publisher'])
  const order = relays.length > 0 ? ({ order: 'homed', relays: 1 } as const) : undefined
  const online = { order: 'online', members: members + 1 } as const
  for (const process of [...subscribers, publisher]) await process.ask(order ?? online)
  return { publisher, relays, subscribers, stop: () => controlPlane.stop() }
}

/** Publishes at the rate, and reports what each process heard of it, once no more comes. */
async function load({ publisher, subscribers, relays }: Site, topic: string, ms: number) {
  const report = async (processes: readonly MemberProcess[]) =>
    (await Promise.all(processes.map(process => process.ask({ order: 'report' })))) as Heard[]
  const everybody = [...subscribers, publisher, ...relays]
  await report(everybody)
  const published = (await publisher.ask({ order: 'publish', topic, rate, bytes, ms })) as number
  await wait(1_000)
  const [heard, [ofPublisher], ofRelays] = [
    await report(subscribers),
    await report([publisher]),
    await report(relays),
  ]
  return { published, heard, ofPublisher: ofPublisher!, ofRelays }
}

async function groupOf3(site: Site): Promise<Record<string, number>> {
  const { publisher, relays, subscribers } = site
  const three = subscribers.slice(-1)
  await three[0]!.ask({ order: 'hear', topic: 'jobs', group: 'workers' })
  await publisher.ask({ order: 'heard-by', topic: 'jobs', subscriptions: 1 })
  const { published, heard } = await load({ publisher, relays, subscribers: three }, 'jobs', groupMessages)
  return { published, handled: sumOf(heard, 'messages') }
}

const sumOf = (heard: readonly Heard[], figure: 'messages' | 'lost' | 'twice' | 'cpu'): number =>
  heard.reduce((sum, each) => sum + each[figure], 0)

function percentile(heard: readonly Heard[], share: number): number {
  const byMs = new Map<number, number>()
  for (const { byMs: one } of heard)
    for (const [ms, count] of Object.entries(one)) byMs.set(Number(ms), (byMs.get(Number(ms)) ?? 0) + count)
  let left = sumOf(heard, 'messages') * share
  for (const [ms, count] of [...byMs].sort(([a], [b]) => a - b)) if ((left -= count) <= 0) return ms
  return Number.NaN
}

async function measured(site: Site, { members, progress }: BenchOptions): Promise<BenchResult> {
  const { publisher, subscribers } = site
  await Promise.all(subscribers.map(process => process.ask({ order: 'hear', topic: 'load' })))
  await publisher.ask({ order: 'heard-by', topic: 'load', subscriptions: members })
  progress('all are subscribed')
  await load(site, 'load', warmUpMs)
  const { published, heard, ofPublisher, ofRelays } = await load(site, 'load', loadMs)
  await publisher.ask({ order: 'retain', topic: 'kept' })
  const retained = (await subscribers[0]!.ask({ order: 'retained', topic: 'kept' })) as number
  const cores = (...processes: Heard[]) => round2(sumOf(processes, 'cpu') / 1_000 / (loadMs + 1_000))
  return {
    ...{ bench: 'topics', subscribers: members, rate: Math.round((published / loadMs) * 1_000), bytes },
    ...{ p50_ms: percentile(heard, 0.5), p99_ms: percentile(heard, 0.99) },
    ...{ lost: published * members - sumOf(heard, 'messages'), lost_told: sumOf(heard, 'lost') },
    ...{ twice: sumOf(heard, 'twice'), retained_ms: Math.round(retained), group: await groupOf3(site) },
    cores: { publisher: cores(ofPublisher), relays: cores(...ofRelays), subscribers: cores(...heard) },
    processes: subscribers.length + 1 + site.relays.length,
  }
}

const round2 = (value: number): number => Math.round(value * 100) / 100

export const topics: Bench = {
  about: `${rate} messages/s of 1 KiB to many subscribers over two relays (--members N, --part direct)`,
  async run(options) {
    const folder = await mkdtemp(join(tmpdir(), 'topics-'))
    const started: MemberProcess[] = []
    try {
      const { stop, ...members } = await site(folder, options, started)
      return await measured(members, options).finally(stop)
    } finally {
      await Promise.all(started.map(process => process.stop()))
      await rm(folder, { recursive: true, force: true })
    }
  },
}
