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

/** Messages a second, one after the other; the last is the promise. */
const rates = [100, 200, 400, 700, 1_000]
const groupRate = 1_000
const mostP99Ms = 250
const bytes = 1_024
const warmUpMs = 2_000
const loadMs = 5_000
const groupMs = 600
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

interface Load {
  published: number
  heard: Heard
  ofPublisher: Heard
  ofRelays: Heard
}

/** Publishes at the rate, and reports what was heard of it, once no more comes. */
async function load(site: Site, order: { topic: string; rate: number; ms: number }): Promise<Load> {
  const { publisher, subscribers, relays } = site
  const report = async (processes: readonly MemberProcess[]) =>
    merged((await Promise.all(processes.map(process => process.ask({ order: 'report' })))) as Heard[])
  await report([...subscribers, publisher, ...relays])
  const published = (await publisher.ask({ order: 'publish', bytes, ...order })) as number
  const heard: Heard[] = []
  do {
    await wait(1_000)
    heard.push(await report(subscribers))
  } while (heard.at(-1)!.messages > 0)
  const [ofPublisher, ofRelays] = [await report([publisher]), await report(relays)]
  return { published, heard: merged(heard), ofPublisher, ofRelays }
}

async function groupOf3(site: Site): Promise<Record<string, number>> {
  const { publisher, relays, subscribers } = site
  const three = subscribers.slice(-1)
  await three[0]!.ask({ order: 'hear', topic: 'jobs', group: 'workers' })
  await publisher.ask({ order: 'heard-by', topic: 'jobs', subscriptions: 1 })
  const order = { topic: 'jobs', rate: groupRate, ms: groupMs }
  const { published, heard } = await load({ publisher, relays, subscribers: three }, order)
  return { published, handled: heard.messages }
}

function merged(reports: readonly Heard[]): Heard {
  const byMs: Record<number, number> = {}
  for (const report of reports)
    for (const [ms, count] of Object.entries(report.byMs)) byMs[Number(ms)] = (byMs[Number(ms)] ?? 0) + count
  const sum = (figure: 'messages' | 'lost' | 'twice' | 'cpu') =>
    reports.reduce((total, each) => total + each[figure], 0)
  return { byMs, messages: sum('messages'), lost: sum('lost'), twice: sum('twice'), cpu: sum('cpu') }
}

function percentile({ byMs, messages }: Heard, share: number): number {
  let left = messages * share
  const sorted = Object.entries(byMs).sort(([a], [b]) => Number(a) - Number(b))
  for (const [ms, count] of sorted) if ((left -= count) <= 0) return Number(ms)
  return Number.NaN
}

/** One row of the table; CPU in us a delivery, all processes of a role together. */
function row({ published, heard, ofPublisher, ofRelays }: Load, members: number, ms: number) {
  const cpu = (of: Heard) => Math.round((10 * of.cpu) / Math.max(1, heard.messages)) / 10
  return {
    rate: Math.round((published / ms) * 1_000),
    ...{ p50_ms: percentile(heard, 0.5), p99_ms: percentile(heard, 0.99) },
    ...{ lost: published * members - heard.messages, lost_told: heard.lost, twice: heard.twice },
    cpu_us: { publisher: cpu(ofPublisher), relays: cpu(ofRelays), subscribers: cpu(heard) },
  }
}

async function measured(site: Site, { members, progress }: BenchOptions): Promise<BenchResult> {
  const { publisher, subscribers } = site
  await Promise.all(subscribers.map(process => process.ask({ order: 'hear', topic: 'load' })))
  await publisher.ask({ order: 'heard-by', topic: 'load', subscriptions: members })
  progress('all are subscribed')
  await load(site, { topic: 'load', rate: rates[0]!, ms: warmUpMs })
  const rows: Record<string, ReturnType<typeof row>> = {}
  let sustained = 0
  for (const rate of rates) {
    const loaded = row(await load(site, { topic: 'load', rate, ms: loadMs }), members, loadMs)
    progress(`${rate} messages/s: ${JSON.stringify(loaded)}`)
    rows[`at_${rate}`] = loaded
    if (loaded.p99_ms < mostP99Ms && loaded.lost === 0) sustained = rate
  }
  await publisher.ask({ order: 'retain', topic: 'kept' })
  const retained = (await subscribers[0]!.ask({ order: 'retained', topic: 'kept' })) as number
  return {
    ...{ bench: 'topics', subscribers: members, bytes, sustained_rate: sustained, ...rows },
    ...{ retained_ms: Math.round(retained), group: await groupOf3(site) },
    processes: subscribers.length + 1 + site.relays.length,
  }
}

export const topics: Bench = {
  about: `${rates[0]} to ${rates.at(-1)} messages/s of 1 KiB to many subscribers over two relays (--members N, --part direct)`,
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
