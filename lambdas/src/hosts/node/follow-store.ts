/** Hears of changes by other processes of the database, and puts on record that the connection to it was lost and made again. */
import type { Recovery } from '@agent-mesh/protocol/recovery'
import type { ChangeFeed } from '../../domain/change-feed.ts'
import type { Log } from '../../domain/log.ts'
import type { Store } from '../../store/store.ts'

export interface FollowStoreInit {
  readonly store: Pick<Store, 'listen' | 'onConnection'>
  readonly changes: Pick<ChangeFeed, 'emit'>
  readonly recovery: Pick<Recovery, 'acted'>
  readonly log: Log
}

/** @returns how to stop */
export function followStore({ store, changes, recovery, log }: FollowStoreInit): () => void {
  const onConnection = (connected: boolean): void => {
    if (connected)
      recovery.acted('store-reconnected', 'connected to the database again: the connection was lost')
    else
      log.warn(
        { event: 'store-disconnected', supervisor: 'store' },
        'the connection to the database was lost; connecting again',
      )
  }
  const stops = [store.onConnection?.(onConnection), store.listen(() => changes.emit('elsewhere'))]
  return () => {
    for (const stop of stops) stop?.()
  }
}
