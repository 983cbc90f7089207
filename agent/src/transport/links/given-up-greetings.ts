/**
 * Connections whose caller gave up after the hello was sent. They wait for the answer of the peer, which may use its link by then; a peer
 * that does not answer holds few of them.
 */
import type { Connection } from '@libp2p/interface'
import { MeshError } from '@agent-mesh/protocol'
import { transportDefaults } from '../defaults.ts'
import { cutOff } from '../libp2p/cut-off.ts'

export class GivenUpGreetings {
  /** By peer id, the oldest first. */
  readonly #waiting = new Map<string, Set<Connection>>()

  /** @param greeted settles when the connection is a link, or has ended */
  add(connection: Connection, greeted: Promise<unknown>): void {
    const peerId = connection.remotePeer.toString()
    const waiting = this.#waiting.get(peerId) ?? new Set()
    this.#waiting.set(peerId, waiting.add(connection))
    const remove = () => {
      waiting.delete(connection)
      if (waiting.size === 0 && this.#waiting.get(peerId) === waiting) this.#waiting.delete(peerId)
    }
    greeted.then(remove, remove)
    const [oldest] = waiting
    if (oldest === undefined || waiting.size <= transportDefaults.givenUpGreetings) return
    waiting.delete(oldest)
    cutOff(oldest, new MeshError('unavailable', `Cannot connect to ${peerId}: it does not answer the hello`))
  }

  /** Ends all of them: this member stops. */
  stop(): void {
    const reason = new MeshError('going_away', 'Cannot connect: this member stops', { notStarted: true })
    for (const waiting of this.#waiting.values()) for (const connection of waiting) cutOff(connection, reason)
    this.#waiting.clear()
  }
}
