import {
  agentsHealth,
  limits,
  parseJson,
  type HealthReply,
  type RegionHealth,
  type ReportedCheck,
} from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { healthFreshMs } from '../defaults.ts'
import type { Clock } from '../store/clock.ts'
import type { Lease } from '../store/parts/presence.ts'
import type { Member } from '../store/parts/directory.ts'
import type { StoreParts } from '../store/store.ts'
import { memberPages } from './member-pages.ts'

/** Region of members that name none. */
const nowhere = 'default'

type Region = RegionHealth
type Service = HealthReply['services'][number]
type Latency = HealthReply['latency'][number]
type Check = NonNullable<HealthReply['checks']>[number]

/** What a living relay reports of others. */
interface Reported {
  latency: Latency[]
  checks: readonly ReportedCheck[]
}

/** What a relay states about itself in a report. */
const statusSchema = z.looseObject({
  load: z.looseObject({ agents: z.int(), reservations: z.int(), visitors: z.int() }),
  health: z.looseObject({
    checks: agentsHealth.checks,
    latency: z.optional(z.array(z.looseObject({ region: z.string(), ms: z.int() }))),
  }),
})

const emptyRegion = (region: string): Region => ({
  region,
  members: 0,
  online: 0,
  stale: 0,
  relays: 0,
  relaysLeased: 0,
  load: { agents: 0, reservations: 0, visitors: 0 },
  ageMs: 0,
})

/** The entry of a key, created on first use. */
function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

const countMember = (sum: Region | Service, { online, leased }: Member): void => {
  sum.members++
  sum.online += online ? 1 : 0
  sum.stale += leased && !online ? 1 : 0
}

function countRelay(sum: Region, lease: Lease | undefined, now: number): Reported {
  sum.relays++
  if (lease === undefined) return { latency: [], checks: [] }
  sum.relaysLeased++
  sum.ageMs = Math.max(sum.ageMs, now - lease.reportedAt)
  const { load, health } = parseJson(statusSchema, lease.status, 'read status of relay')
  sum.load.agents += load.agents
  sum.load.reservations += load.reservations
  sum.load.visitors += load.visitors
  const latency = (health.latency ?? []).map(({ region, ms }) => ({ from: sum.region, to: region, ms }))
  return { latency, checks: health.checks ?? [] }
}

/** Sums up members, page by page: a mesh of a million is never held at once. */
class HealthSum {
  readonly #regions = new Map<string, Region>()
  readonly #services = new Map<string, Service>()
  readonly #checks = new Map<string, Check>()
  readonly #latency = new Map<string, Latency>()
  readonly #leases: ReadonlyMap<string, Lease>
  readonly #now: number

  /** @param now unix milliseconds */
  constructor(leases: readonly Lease[], now: number) {
    this.#leases = new Map(leases.map(lease => [lease.relay, lease]))
    this.#now = now
  }

  add(member: Member): void {
    const region = member.region ?? nowhere
    const sum = entryOf(this.#regions, region, () => emptyRegion(region))
    countMember(sum, member)
    if (member.roles.includes('relay'))
      this.#addReported(region, countRelay(sum, this.#leases.get(member.peerId), this.#now))
    for (const service of member.services.filter(key => key.includes('@')))
      countMember(
        entryOf(this.#services, `${service} ${region}`, () => ({
          service,
          region,
          members: 0,
          online: 0,
          stale: 0,
        })),
        member,
      )
  }

  #addReported(region: string, { latency, checks }: Reported): void {
    for (const each of latency) this.#least(each)
    for (const [check, level, members, of] of checks) {
      const key = `${check} ${region} ${level}`
      const sum = entryOf(this.#checks, key, () => ({ check, region, level, members: 0, of: [] }))
      sum.members += members
      sum.of = [...sum.of, ...of].slice(0, limits.namedMembers)
    }
  }

  #least(latency: Latency): void {
    const key = `${latency.from} ${latency.to}`
    const known = this.#latency.get(key)
    if (known === undefined || latency.ms < known.ms) this.#latency.set(key, latency)
  }

  reply(): HealthReply {
    const oldest = Math.min(this.#now, ...[...this.#leases.values()].map(lease => lease.reportedAt))
    const byName = (a: [string, unknown], b: [string, unknown]): number => (a[0] < b[0] ? -1 : 1)
    return {
      asOf: this.#now,
      ageMs: this.#now - oldest,
      regions: [...this.#regions].sort(byName).map(([, sum]) => sum),
      services: [...this.#services].sort(byName).map(([, sum]) => sum),
      checks: [...this.#checks].sort(byName).map(([, sum]) => sum),
      latency: [...this.#latency].sort(byName).map(([, latency]) => latency),
    }
  }
}

/** Health of the mesh, computed at most every 2 s. */
export function meshHealth({
  store,
  clock,
}: {
  store: Pick<StoreParts, 'directory' | 'presence'>
  clock: Clock
}): () => Promise<HealthReply> {
  let last: { at: number; reply: Promise<HealthReply> } | undefined

  const compute = async (): Promise<HealthReply> => {
    const sum = new HealthSum(await store.presence.readLeases(), clock.now())
    for await (const page of memberPages(store.directory)) for (const member of page) sum.add(member)
    return sum.reply()
  }

  return () => {
    const now = clock.now()
    if (last === undefined || Math.abs(now - last.at) >= healthFreshMs) last = { at: now, reply: compute() }
    const { reply } = last
    reply.catch(() => (last = undefined))
    return reply
  }
}
