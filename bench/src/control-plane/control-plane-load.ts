/**
 * The control plane under the reports of a fleet: 1,000 relays, as many agents as asked for (default: a million).
 * Steady: nearly all reports only renew a lease, one in five moves an agent. Storm: reports full of claims, as after a
 * region recovers. Keys, claims and signatures are real and made outside the timed parts.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDynamoDbLocal } from '../../../test/support/dynamodb-local.ts'
import { median } from '../load.ts'
import type { Bench, BenchOptions, BenchResult } from '../bench.ts'
import { makeFleet, prepareReports, type Fleet, type ReportPlan } from './fleet.ts'
import { percentile, sendReports, type LoadResult } from './report-load.ts'
import { seedDynamoDb } from './seed-dynamodb.ts'
import { seedSqlite } from './seed-sqlite.ts'
import { startServer, type ServerProcess } from './server-process.ts'

const relays = 1_000
/** Agents with keys; claims are made of these. */
const movers = 2_000
/** Of these, agents that are enrolled in a table: each takes some 20 ms. */
const tableMovers = 500
const inFlight = 16
/** Reports of each relay in a round, and the longest a round may take, ms. */
const steady = { rounds: 5, ms: 12_000 }
/** Full reports: 500 claims each. */
const storm = { reports: 8, claims: 500, ms: 15_000 }
const most = 3
const settleMs = 20_000

export const controlPlaneLoad: Bench = {
  about: 'the local control plane under 1,000 relays that report for --agents agents',
  async run(options) {
    const root = await mkdtemp(join(tmpdir(), 'control-plane-load-'))
    try {
      const fleet = await makeFleet({ relays, movers: Math.min(movers, options.agents) })
      return [await onSqlite(root, fleet, options), await onDynamoDb(root, fleet, options)]
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  },
}

async function onSqlite(root: string, fleet: Fleet, options: BenchOptions): Promise<BenchResult> {
  const { agents, progress } = options
  const data = join(root, 'sqlite')
  const startedAt = performance.now()
  const fresh = await startServer({ data, maxMembers: agents + relays })
  await fresh.stop()
  await seedSqlite(join(data, 'control-plane.db'), fleet, agents)
  progress(`sqlite: ${agents} agents seeded in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`)
  const server = await startServer({ data, maxMembers: agents + relays + 1 })
  try {
    const figures = await measure(server, fleet, options, 'sqlite')
    return {
      bench: 'control-plane',
      store: 'sqlite',
      ...figures,
      store_mb: await megabytes(data),
      agents,
      relays,
    }
  } finally {
    await server.stop()
  }
}

/** On DynamoDB Local, which shows the load on the store and nothing of the speed of DynamoDB. */
async function onDynamoDb(root: string, sqliteFleet: Fleet, options: BenchOptions): Promise<BenchResult> {
  const { agents, progress } = options
  const dynamo = await startDynamoDbLocal()
  let server: ServerProcess | undefined
  try {
    const fleet = {
      relays: sqliteFleet.relays.map(({ signer, epoch }) => ({ signer, epoch, seq: 0 })),
      movers: sqliteFleet.movers.slice(0, tableMovers),
    }
    const startedAt = performance.now()
    const { memberBytes } = await seedDynamoDb('control-plane', dynamo.endpoint, fleet)
    const seeded = ((performance.now() - startedAt) / 1_000).toFixed(0)
    progress(`dynamodb: ${relays} relays and ${fleet.movers.length} agents enrolled in ${seeded} s`)
    const store = { kind: 'dynamodb', table: 'control-plane' } as const
    server = await startServer({
      data: join(root, 'dynamodb'),
      maxMembers: agents + relays + 1,
      store,
      env: dynamo.env,
    })
    const figures = await measure(server, fleet, options, 'dynamodb')
    const store_mb = Math.round(((agents + relays) * memberBytes) / 1e6)
    const rows = { agents, relays, agents_in_table: fleet.movers.length }
    return { bench: 'control-plane', store: 'dynamodb-local', ...figures, store_mb, ...rows }
  } finally {
    await server?.stop()
    await dynamo.stop()
  }
}

async function measure(server: ServerProcess, fleet: Fleet, options: BenchOptions, store: string) {
  const { progress } = options
  const url = new URL('/v1/relays/self/report', server.url)
  const send = async (plan: Omit<ReportPlan, 'meshId' | 'url'>, ms: number): Promise<LoadResult> => {
    const lists = await prepareReports({ meshId: server.meshId, url, ...plan }, fleet.movers)
    return sendReports(lists, { url, inFlight, ms })
  }
  await server.settled(settleMs)
  const rounds: { rate: number; p99: number; cpuMs: number }[] = []
  for (let round = 0; round <= Math.min(most, options.rounds); round++) {
    const before = await server.cpu()
    const result = await send(
      { relays: fleet.relays, rounds: steady.rounds, claims: n => (n % 5 === 0 ? 1 : 0) },
      steady.ms,
    )
    const figures = {
      rate: result.reports / result.seconds,
      p99: percentile(result.latenciesMs, 0.99),
      cpuMs: (((await server.cpu()) - before) / result.reports) * 1_000,
    }
    const name = round === 0 ? 'to warm up' : String(round)
    progress(
      `${store}: round ${name}: ${figures.rate.toFixed(0)} reports/s, p99 ${figures.p99.toFixed(1)} ms, ${figures.cpuMs.toFixed(2)} ms CPU a report`,
    )
    if (round > 0) rounds.push(figures)
  }
  const full = await send(
    { relays: fleet.relays.slice(0, storm.reports), rounds: 1, claims: () => storm.claims },
    storm.ms,
  )
  const claims = (full.reports * storm.claims) / full.seconds
  progress(`${store}: ${claims.toFixed(0)} claims/s in full reports`)
  return {
    reports_per_s: Math.round(median(rounds.map(({ rate }) => rate))),
    p99_ms: round1(median(rounds.map(({ p99 }) => p99))),
    cpu_ms: round1(median(rounds.map(({ cpuMs }) => cpuMs))),
    claims_per_s: Math.round(claims),
    full_report_ms: round1(percentile(full.latenciesMs, 0.5)),
  }
}

async function megabytes(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder))
    if (name.includes('.db')) bytes += (await stat(join(folder, name))).size
  return Math.round(bytes / 1e6)
}

const round1 = (value: number): number => Math.round(value * 10) / 10
