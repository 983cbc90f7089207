/** Scaling signals of services, from the leases of relays: `GET /v1/scaling`. */
import {
  agentsHealth,
  parseJson,
  shardCount,
  type ReportedLoad,
  type ScalingReply,
} from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { scalingTargets, scalingTimes } from '../defaults.ts'
import type { MeshParts } from './mesh-context.ts'
import { ScalingTrace } from './scaling-signal.ts'

export interface Scaling {
  /** The signal of a service, `math` or `math@2`. Never fails for want of knowledge. */
  read(of: { service: string; region?: string }): Promise<ScalingReply>
  /** Names of services that relays report now: `math@2`. */
  services(): Promise<string[]>
}

const statusSchema = z.looseObject({ health: z.looseObject(agentsHealth) })

interface Reported {
  readonly reportedAt: number
  readonly region: string | undefined
  readonly services: readonly ReportedLoad[]
}

/** The sum over relays. */
interface Load {
  current: number
  ready: number
  reporting: number
  saturation: number
  queueMs: number
  shed: number
  ageMs: number
}

const none = (): Load => ({
  current: 0,
  ready: 0,
  reporting: 0,
  saturation: 0,
  queueMs: 0,
  shed: 0,
  ageMs: 0,
})

export function scaling({ store, clock }: MeshParts<'clock', 'presence' | 'directory'>): Scaling {
  const traces = new Map<string, ScalingTrace>()
  const reports = reportReader({ store, clock })

  /** Those least recently asked for are forgotten first. */
  const traceOf = (key: string): ScalingTrace => {
    const trace = traces.get(key) ?? new ScalingTrace()
    traces.delete(key)
    traces.set(key, trace)
    const [oldest] = traces.keys()
    if (traces.size > scalingTargets.traces && oldest !== undefined) traces.delete(oldest)
    return trace
  }

  /** Members in the map that serve it: what is held where no relay reports them and nothing was returned before. */
  const inMap = async (service: string): Promise<number> => {
    let count = 0
    for (let shard = 0; shard < shardCount; shard++)
      count += (await store.directory.listProviders(service, shard, { limit: scalingTargets.listed })).length
    return count
  }

  const read: Scaling['read'] = async ({ service, region }) => {
    const now = clock.now()
    const load = sumOf(await reports(), { service, region }, now)
    const trace = traceOf(`${service} ${region ?? ''}`)
    const reported = load.current > 0
    const current = reported || trace.holds ? load.current : await inMap(service)
    const sample = { ...load, current, saturation: load.saturation / load.reporting }
    const { desired, stale, reason } = trace.next(reported ? sample : { ...sample, reporting: 0 }, now)
    return {
      service,
      ...(region === undefined ? {} : { region }),
      current,
      ready: load.ready,
      desired,
      saturation: load.reporting === 0 ? 0 : Math.min(1, round(sample.saturation)),
      target: scalingTargets.saturation,
      queueMs: load.queueMs,
      shedPerSecond: round(load.shed / 60),
      windowSeconds: scalingTimes.windowMs / 1_000,
      ageSeconds: Math.round(load.ageMs / 1_000),
      stale,
      reason,
    }
  }
  return {
    read,
    services: async () => [
      ...new Set((await reports()).flatMap(({ services }) => services.map(([service]) => service))),
    ],
  }
}

/** Reads what relays report, some seconds old at most. */
function reportReader({ store, clock }: MeshParts<'clock', 'presence'>): () => Promise<Reported[]> {
  let last: { at: number; reports: Promise<Reported[]> } | undefined

  const readReports = async (): Promise<Reported[]> =>
    (await store.presence.readLeases()).map(({ reportedAt, status }) => {
      const { region, services = [] } = parseJson(statusSchema, status, 'read status of relay').health
      return { reportedAt, region, services }
    })

  return () => {
    const now = clock.now()
    if (last === undefined || Math.abs(now - last.at) >= scalingTimes.freshMs)
      last = { at: now, reports: readReports() }
    const { reports: known } = last
    known.catch(() => (last = undefined))
    return known
  }
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000

function sumOf(
  reports: readonly Reported[],
  { service, region }: { service: string; region: string | undefined },
  now: number,
): Load {
  const sum = none()
  const matches = (ref: string): boolean => ref === service || ref.startsWith(`${service}@`)
  for (const report of reports)
    if (region === undefined || report.region === region)
      for (const [ref, current, ready, reporting, percent, queueMs, shed] of report.services) {
        if (!matches(ref)) continue
        sum.current += current
        sum.ready += ready
        sum.reporting += reporting
        sum.saturation += (percent / 100) * reporting
        sum.queueMs = Math.max(sum.queueMs, queueMs)
        sum.shed += shed
        sum.ageMs = Math.max(sum.ageMs, now - report.reportedAt)
      }
  return sum
}
