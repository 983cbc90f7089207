import type { HealthReply } from '@agent-mesh/protocol'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Lease } from '../store/parts/presence.ts'
import type { Member } from '../store/parts/directory.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { meshHealth } from './health.ts'
import { healthHistory } from './health-history.ts'

const member = (peerId: string, changes: Partial<Member> = {}): Member => ({
  shard: 0,
  v: 1,
  peerId,
  serial: 's',
  name: peerId,
  roles: ['agent'],
  tags: [],
  incarnation: 1,
  services: ['math', 'math@2'],
  record: 'r',
  credential: 'c',
  updatedAt: 0,
  online: true,
  leased: true,
  ...changes,
})

const lease = (relay: string, reportedAt: number, agents: number): Lease => ({
  relay,
  epoch: 'e',
  seq: 1,
  reportedAt,
  expiresAt: reportedAt + 1000,
  status: JSON.stringify({
    load: { agents, reservations: 2 * agents, visitors: 1 },
    health: { latency: [{ region: 'us', ms: 80 + agents }] },
  }),
})

/** The health of members that a store would list, all in one shard. */
const healthOf = (
  members: readonly Member[],
  leases: readonly Lease[],
  now: number,
): Promise<HealthReply> => {
  const listShard = (shard: number) => Promise.resolve(shard === 0 ? members : [])
  const store = {
    directory: { listShard },
    presence: { readLeases: () => Promise.resolve(leases) },
  } as unknown as Store
  return meshHealth({ store, clock: { now: () => now } })()
}

describe('health', () => {
  test('adds up regions, services and what the living relays report', async () => {
    const relay = { roles: ['relay'], services: [], leased: false }
    const members = [
      member('a', { region: 'eu' }),
      member('b', { region: 'eu', online: false }),
      member('c', { region: 'eu', online: false, leased: false }),
      member('r1', { region: 'eu', ...relay }),
      member('r2', { region: 'eu', ...relay }),
      member('r3', { region: 'eu', ...relay, online: false }),
      member('d'),
    ]
    const { asOf, ageMs, regions, services, latency } = await healthOf(
      members,
      [lease('r1', 90, 3), lease('r2', 70, 4)],
      100,
    )
    expect({ asOf, ageMs }).toEqual({ asOf: 100, ageMs: 30 })
    expect(latency).toEqual([{ from: 'eu', to: 'us', ms: 83 }])
    const load = { agents: 7, reservations: 14, visitors: 2 }
    const eu = { region: 'eu', members: 6, online: 3, stale: 1, relays: 3, relaysLeased: 2, load, ageMs: 30 }
    expect(regions).toMatchObject([{ region: 'default', members: 1, relays: 0 }, eu])
    expect(services).toEqual([
      { service: 'math@2', region: 'default', members: 1, online: 1, stale: 0 },
      { service: 'math@2', region: 'eu', members: 3, online: 1, stale: 1 },
    ])
  })
})

describe('the history of health', () => {
  let dir: string
  let store: Store
  let now = Date.UTC(2026, 0, 1, 12, 3)
  const clock = { now: () => now }
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'health-'))
    store = openSqliteStore({ file: join(dir, 'store.db'), clock })
  })
  afterEach(async () => {
    await store.close()
    await rm(dir, { recursive: true })
  })

  test('has one entry a step of five minutes, written by whoever looks first', async () => {
    let looks = 0
    const health = async () => {
      looks++
      return healthOf([member('a', { online: looks === 1 })], [], now)
    }
    const [one, two] = [healthHistory({ store, clock, health }), healthHistory({ store, clock, health })]
    await one.record()
    await two.record()
    now += 5 * 60_000
    await two.record()
    await one.record()
    const at = Date.UTC(2026, 0, 1, 12)
    expect(await one.read(1)).toMatchObject([
      { at, regions: [{ region: 'default', online: 1 }] },
      { at: at + 300_000, regions: [{ region: 'default', online: 0 }] },
    ])
    expect(looks).toBe(2)
    now += 56 * 60_000
    expect(await two.read(1)).toMatchObject([{ at: at + 300_000 }])
  })
})
