/** How pairs and removals of the map stand in the store. */
import type { MapChange } from '@agent-mesh/protocol'

export interface MapRow {
  peer_id: string
  shard: number
  v: number
  record: string | null
  credential: string | null
  gone: string | null
}

export const toChange = (row: MapRow): MapChange =>
  row.gone === null
    ? {
        shard: row.shard,
        v: row.v,
        peerId: row.peer_id,
        record: row.record ?? '',
        credential: row.credential ?? '',
      }
    : { shard: row.shard, v: row.v, peerId: row.peer_id, gone: row.gone }
