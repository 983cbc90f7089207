/** Connections of watchers, stored for all Lambdas. */

export interface WatchConnection {
  id: string
  peerId: string
  connectedAt: number
  /** Cursor of the watcher in the map; undefined at the beginning. */
  cursor: string | undefined
  /** Number of changes to this row: each process that pushes raises it. */
  turn: number
}

export interface WatchConnections {
  add(connection: Pick<WatchConnection, 'id' | 'peerId' | 'cursor'>): Promise<void>
  /** Idempotent. */
  remove(id: string): Promise<void>
  list(): Promise<WatchConnection[]>
  /**
   * Acquires the right to push for `ms`, so that messages reach a watcher one after the other.
   * @returns the current row, undefined when another process pushes or the row is deleted
   */
  take(id: string, ms: number): Promise<WatchConnection | undefined>
  /** Releases the right and records the cursor of the watcher. */
  release(connection: WatchConnection): Promise<void>
}
