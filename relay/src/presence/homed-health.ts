/** What the agents homed at this relay report of their health, and the sum of it for the relay's own report. */
import { limits, type HealthDigest, type ReportedCheck, type ReportedLoad } from '@agent-mesh/protocol'
import { relayDefaults } from '../defaults.ts'

export interface HomedHealthInit {
  /** Homed agents that are online. */
  peers(): readonly string[]
  /** Name and services (`math@2`) of a member of the map. */
  member(peerId: string): { name: string; services: readonly string[] } | undefined
}

/** The part of a relay's report that is about its agents. */
export interface HomedSum {
  services: ReportedLoad[]
  checks: ReportedCheck[]
}

interface Service {
  current: number
  ready: number
  reporting: number
  percent: number
  queueMs: number
  shed: number
}

export class HomedHealth {
  readonly #init: HomedHealthInit
  readonly #digests = new Map<string, { digest: HealthDigest; over: object }>()
  #reported: HomedSum = { services: [], checks: [] }

  constructor(init: HomedHealthInit) {
    this.#init = init
  }

  /** @param over the stream that the digest came over: it is forgotten with it */
  set(peerId: string, digest: HealthDigest, over: object): void {
    this.#digests.set(peerId, { digest, over })
  }

  /** The stream ended; what came over a newer one stays. */
  remove(peerId: string, over: object): void {
    if (this.#digests.get(peerId)?.over === over) this.#digests.delete(peerId)
  }

  /** The sum to report now. */
  report(): HomedSum {
    return (this.#reported = this.#sum())
  }

  /** Whether the sum differs so much from the one reported last that it should not wait for the next report. */
  get moved(): boolean {
    const { services, checks } = this.#sum()
    const before = new Map(this.#reported.services.map(load => [load[0], load]))
    return (
      JSON.stringify(checks) !== JSON.stringify(this.#reported.checks) ||
      services.length !== before.size ||
      services.some(load => hasMoved(before.get(load[0]), load))
    )
  }

  #sum(): HomedSum {
    const services = new Map<string, Service>()
    const checks = new Map<string, ReportedCheck>()
    for (const peerId of this.#init.peers()) {
      const member = this.#init.member(peerId)
      const digest = this.#digests.get(peerId)?.digest
      if (member === undefined) continue
      if (digest?.serving !== false) countServices(services, member.services, digest)
      for (const [check, level] of digest?.checks ?? []) {
        const key = `${level} ${check}`
        const [, , count, names] = checks.get(key) ?? [check, level, 0, []]
        const named = names.length < limits.namedMembers ? [...names, member.name] : names
        checks.set(key, [check, level, count + 1, named])
      }
    }
    return { services: mostLoaded(services), checks: mostFailing(checks) }
  }
}

/** A member of an earlier version reports nothing: it counts, and its load is unknown. */
function countServices(
  sums: Map<string, Service>,
  services: readonly string[],
  digest: HealthDigest | undefined,
): void {
  for (const ref of services) {
    // Served by every member.
    if (ref.startsWith('host@')) continue
    const sum = sums.get(ref) ?? { current: 0, ready: 0, reporting: 0, percent: 0, queueMs: 0, shed: 0 }
    sums.set(ref, sum)
    sum.current++
    sum.ready += digest?.ready === false ? 0 : 1
    const [, percent, queueMs, shed] = digest?.load.find(([service]) => service === ref) ?? []
    if (percent === undefined || digest?.ready === false) continue
    sum.reporting++
    sum.percent += percent
    sum.queueMs = Math.max(sum.queueMs, queueMs ?? 0)
    sum.shed += shed ?? 0
  }
}

function mostLoaded(sums: ReadonlyMap<string, Service>): ReportedLoad[] {
  return [...sums]
    .map(([ref, { current, ready, reporting, percent, queueMs, shed }]): ReportedLoad => {
      const mean = reporting === 0 ? 0 : Math.round(percent / reporting)
      return [ref, current, ready, reporting, mean, queueMs, shed]
    })
    .sort((a, b) => b[4] - a[4] || (a[0] < b[0] ? -1 : 1))
    .slice(0, limits.reportedServices)
}

/** Failing ones before warnings, then those of most members. */
const mostFailing = (sums: ReadonlyMap<string, ReportedCheck>): ReportedCheck[] =>
  [...sums.values()]
    .sort((a, b) => Number(b[1] === 'failing') - Number(a[1] === 'failing') || b[2] - a[2])
    .slice(0, limits.reportedChecks)

function hasMoved(before: ReportedLoad | undefined, now: ReportedLoad): boolean {
  if (before === undefined) return true
  const counts = [1, 2, 3] as const
  return (
    counts.some(place => before[place] !== now[place]) ||
    Math.abs(before[4] - now[4]) >= relayDefaults.reportLoadPercent ||
    before[6] > 0 !== now[6] > 0
  )
}
