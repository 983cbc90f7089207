/** Connections of watchers, kept where every Lambda sees them. */

export interface WatchConnection {
  id: string
  peerId: string
  connectedAt: number
  /** Where the watcher is in the map; undefined at the beginning. */
  cursor: string | undefined
  /** Number of changes to this row: who pushes has raised it. */
  turn: number
}

export interface WatchConnections {
  add(connection: Pick<WatchConnection, 'id' | 'peerId' | 'cursor'>): Promise<void>
  /** Idempotent. */
  remove(id: string): Promise<void>
  list(): Promise<WatchConnection[]>
  /**
   * Takes the right to push for `ms`, so that messages reach a watcher one after the other.
   * @returns the row as it is now, undefined when another one pushes or it is gone
   */
  take(id: string, ms: number): Promise<WatchConnection | undefined>
  /** Gives the right back and records where the watcher is. */
  release(connection: WatchConnection): Promise<void>
}
