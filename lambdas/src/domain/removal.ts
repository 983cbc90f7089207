import type { Store } from '../store/store.ts'
import type { MeshContext } from './mesh-context.ts'
import type { RelayRoster } from './relay-roster.ts'

export interface RemovalInit extends Pick<MeshContext, 'clock' | 'changes'> {
  store: Pick<Store, 'removeOffline' | 'appendAudit'>
  /** Absent where nothing can be signed: relays then stay in the head until a process that can sign takes them out. */
  roster?: RelayRoster
}

/**
 * Takes those out of the map who were offline for too long: 30 days, ephemeral members 10 minutes. Their enrolments stay, so
 * that they come back by publishing.
 * @returns how many there were
 */
export async function removeOffline({ store, clock, changes, roster }: RemovalInit): Promise<number> {
  const removed = await store.removeOffline()
  if (removed.length > 0) changes.emit('map')
  for (const { peerId, name, serial, roles, ephemeral } of removed) {
    if (roles.includes('relay')) await roster?.remove(peerId)
    const detail = { name, serial, reason: ephemeral ? 'ephemeral and offline' : 'offline' }
    await store.appendAudit({ at: clock.now(), who: peerId, what: 'remove', detail })
  }
  return removed.length
}
