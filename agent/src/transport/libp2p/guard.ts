/**
 * The guard: wraps every inbound handler of libp2p, those of its own services (identify, circuit hop and stop) too, so
 * that none runs before the connection is a link. It replaces `registrar.handle`, before any service registers:
 * `libp2p.use` runs handlers several times (libp2p 3.3).
 */
import type { Connection, Stream, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import { toMeshError } from '@agent-mesh/protocol'
import { isOver } from './byte-stream.ts'

export interface HandlerRegistry {
  handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>
}

export interface GuardInit {
  /** Protocols that make a link out of a connection, and check for themselves. */
  exempt: readonly string[]
  /** Resolves when the connection is a link. */
  admitted: (connection: Connection) => Promise<unknown>
  /** Whether an admitted peer may use a protocol at all. */
  allows: (protocol: string, peerId: string) => boolean
}

export function guardHandlers(registry: HandlerRegistry, init: GuardInit): void {
  const register = registry.handle.bind(registry)
  registry.handle = (protocol, handler, options) =>
    register(protocol, init.exempt.includes(protocol) ? handler : guarded(protocol, handler, init), options)
}

const guarded =
  (protocol: string, handler: StreamHandler, { admitted, allows }: GuardInit) =>
  async (stream: Stream, connection: Connection): Promise<void> => {
    try {
      await admitted(connection)
      if (!allows(protocol, connection.remotePeer.toString()))
        throw new Error(`${protocol} is not for this peer`)
    } catch (error) {
      return stream.abort(toMeshError(error, 'permission_denied', 'open stream'))
    }
    if (!isOver(stream)) await handler(stream, connection)
  }
