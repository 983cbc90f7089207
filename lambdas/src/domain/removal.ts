import { offlineMs } from '../defaults.ts'
import type { Clock } from '../store/clock.ts'
import type { StoreParts } from '../store/store.ts'
import type { MeshContext } from './mesh-context.ts'
import type { RelayRoster } from './relay-roster.ts'

export interface RemovalInit extends Pick<MeshContext, 'clock' | 'changes'> {
  store: Pick<StoreParts, 'directory'>
  roster: Pick<RelayRoster, 'tidy'>
}

/**
 * Removes members from the map that were offline for too long: 30 days, ephemeral members 10 minutes. Their enrolments stay,
 * so they return by publishing.
 * @returns how many were removed
 */
export async function removeOffline({ store, clock, changes, roster }: RemovalInit): Promise<number> {
  const removed = await store.directory.removeOffline(({ peerId, name, serial, ephemeral }) => {
    const detail = { name, serial, reason: ephemeral ? 'ephemeral and offline' : 'offline' }
    return { at: clock.now(), who: peerId, what: 'remove', detail }
  })
  if (removed.length > 0) changes.emit('map')
  await roster.tidy()
  return removed.length
}

/**
 * Lets a long-running process remove members only once it has listened without a pause for the shortest permitted silence:
 * while it was stopped or its machine slept, it received no sign of life.
 * @param everyMs interval of the checks
 */
export function onceListening(
  clock: Clock,
  remove: () => Promise<number>,
  everyMs: number,
): () => Promise<number> {
  let since = clock.now()
  let asked = since
  return async () => {
    const now = clock.now()
    if (Math.abs(now - asked) > 2 * everyMs) since = now
    asked = now
    return now - since < offlineMs.ephemeral ? 0 : remove()
  }
}
