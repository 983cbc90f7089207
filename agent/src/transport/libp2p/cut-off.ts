import type { Connection } from '@libp2p/interface'

/**
 * Ends a connection at once, whatever state it is in. `Connection.abort` throws when its muxer can no longer send its
 * farewell, and then leaves the socket open; a second call skips the muxer. Thrown in a timer it would end the process.
 */
export function cutOff(connection: Connection, reason: Error): void {
  for (let round = 0; round < 2; round++) {
    try {
      return connection.abort(reason)
    } catch {
      continue
    }
  }
}
