import { parseJson, regionHealth, type HealthReply, type HealthStep } from '@agent-mesh/protocol'
import { healthHistoryTimes as steps, healthMemberMs } from '../defaults.ts'
import type { Clock } from '../store/clock.ts'
import type { StoreParts } from '../store/store.ts'

export interface HealthHistory {
  /** Records the current health of the mesh, unless this step of five minutes is recorded already. */
  record(): Promise<void>
  /** Oldest first; steps without a measurement are missing. */
  read(hours: number): Promise<HealthStep[]>
}

export interface HealthHistoryInit {
  store: Pick<StoreParts, 'health'>
  clock: Clock
  health: () => Promise<HealthReply>
}

/** Health of the mesh during the last day. Any process may record: the first one in a step does. */
export function healthHistory({ store, clock, health }: HealthHistoryInit): HealthHistory {
  let restsUntil = 0
  return {
    record: async () => {
      if (clock.now() < restsUntil) return
      const at = clock.now() - (clock.now() % steps.stepMs)
      if ((await store.health.listHealth(at)).length > 0) return
      const { regions } = await health()
      restsUntil = clock.now() + healthMemberMs * regions.reduce((sum, { members }) => sum + members, 0)
      await store.health.writeHealth(
        regions.map(region => ({ at, region: region.region, document: JSON.stringify(region) })),
      )
    },

    read: async hours => {
      const byTime = new Map<number, HealthStep>()
      for (const { at, document } of await store.health.listHealth(clock.now() - hours * 3600_000)) {
        const step = byTime.get(at) ?? { at, regions: [] }
        byTime.set(at, step)
        step.regions.push(parseJson(regionHealth, document, 'read health roll-up'))
      }
      return [...byTime.values()]
    },
  }
}
