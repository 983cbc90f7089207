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
 * Takes those out of the map who were offline for too long: 30 days, ephemeral members 10 minutes. Their enrolments stay, so
 * that they come back by publishing.
 * @returns how many there were
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
 * Lets a process that runs all the time remove only once it has listened, without a pause, for as long as the most impatient
 * may be silent: while it was away or its machine slept nobody could tell it that they are there.
 * @param everyMs how often it is asked
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
