import { shardCount, type HealthReply } from '@agent-mesh/protocol'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { healthFreshMs } from '../defaults.ts'
import type { Clock } from '../store/clock.ts'
import { isMember, type Lease, type Member } from '../store/model.ts'
import type { Store } from '../store/store.ts'

/** Where members are that name no region. */
const nowhere = 'default'

type Region = HealthReply['regions'][number]
type Service = HealthReply['services'][number]

/** Sums up members and leases. Pure. @param now unix milliseconds */
export function aggregateHealth(
  members: readonly Member[],
  leases: readonly Lease[],
  now: number,
): HealthReply {
  const regions = new Map<string, Region>()
  const services = new Map<string, Service>()
  const leased = new Set(leases.map(lease => lease.relay))
  for (const member of members) {
    const region = member.region ?? nowhere
    const online = member.online ? 1 : 0
    const sum = regions.get(region) ?? { region, members: 0, online: 0, relays: 0, relaysLeased: 0 }
    regions.set(region, sum)
    sum.members++
    sum.online += online
    if (member.roles.includes('relay')) {
      sum.relays++
      sum.relaysLeased += leased.has(member.peerId) ? 1 : 0
    }
    for (const service of member.services.filter(key => key.includes('@'))) {
      const key = `${service} ${region}`
      const offer = services.get(key) ?? { service, region, members: 0, online: 0 }
      services.set(key, offer)
      offer.members++
      offer.online += online
    }
  }
  const reported = leases.map(lease => lease.reportedAt)
  const byName = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  return {
    asOf: now,
    ageMs: Math.max(0, now - Math.min(now, ...reported)),
    regions: [...regions.values()].sort(byName),
    services: [...services.values()].sort(byName),
  }
}

/** Health of the mesh, computed at most every 2 s. */
export function meshHealth({ store, clock }: { store: Store; clock: Clock }): () => Promise<HealthReply> {
  let last: { at: number; reply: Promise<HealthReply> } | undefined

  const compute = async (): Promise<HealthReply> => {
    const members: Member[] = []
    for (let shard = 0; shard < shardCount; shard++) {
      const entries = await store.listShard(shard, { after: 0, limit: Number.MAX_SAFE_INTEGER })
      members.push(...entries.filter(isMember))
      // Others have their turn: a full mesh takes some 100 ms.
      await nextTurn()
    }
    return aggregateHealth(members, await store.readLeases(), clock.now())
  }

  return () => {
    const now = clock.now()
    if (last === undefined || Math.abs(now - last.at) >= healthFreshMs) last = { at: now, reply: compute() }
    const { reply } = last
    reply.catch(() => (last = undefined))
    return reply
  }
}
