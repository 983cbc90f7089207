/** Reads head and map from the control plane: for relays, and for agents that reach no relay. */
import { MeshError } from '@agent-mesh/protocol'
import { acceptUnlessOlder, type HeadKeeper } from '../membership/head-keeper.ts'
import type { MeshMap } from '../membership/mesh-map.ts'
import type { ControlPlaneClient } from './control-plane-client.ts'

export interface MapPullInit {
  client: Pick<ControlPlaneClient, 'bootstrap' | 'map'>
  head: HeadKeeper
  map: MeshMap
}

/** Brings head and map up to date. @throws MeshError unavailable, unauthenticated */
export async function pullMap({ client, head, map }: MapPullInit, signal: AbortSignal): Promise<void> {
  const { head: offered } = await client.bootstrap({}, signal)
  await acceptUnlessOlder(head, offered)
  for (;;) {
    const page = await client.map(map.cursor, signal).catch((error: unknown) => {
      if (!(error instanceof MeshError) || error.code !== 'map_gap') throw error
      map.restart()
      return client.map(undefined, signal)
    })
    await map.apply(page)
    if (!page.more) return
  }
}
