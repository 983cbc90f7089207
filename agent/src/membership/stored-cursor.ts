/** Up to where the map has been read. */
import { parseMapCursor, shardCount, type MapCursor } from '@agent-mesh/protocol'

/** A damaged cursor costs one full sync, nothing more. */
export function readCursor(text: string | undefined): MapCursor | undefined {
  try {
    return text === undefined ? undefined : parseMapCursor(text)
  } catch {
    return undefined
  }
}

/** The further one in each shard; of another epoch the next one alone counts. */
export const furthest = (known: MapCursor | undefined, next: MapCursor): MapCursor =>
  known?.epoch !== next.epoch
    ? next
    : {
        epoch: next.epoch,
        v: Array.from({ length: shardCount }, (_, i) => Math.max(known.v[i] ?? 0, next.v[i] ?? 0)),
      }
