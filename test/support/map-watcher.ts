import { isRemoval, mapMessageSchema, parseJson, type MapMessage, type MapPage } from '@agent-mesh/protocol'
import { WebSocket } from 'ws'

/** A watcher that keeps what it receives, with the time of receipt. */
export class MapWatcher {
  readonly received: { message: MapMessage; at: number }[] = []
  readonly socket: WebSocket
  closed: number | undefined

  constructor(url: URL, authorization: string) {
    this.socket = new WebSocket(url, { headers: { authorization } })
    this.socket.on('message', data => {
      this.received.push({
        message: parseJson(mapMessageSchema, String(data), 'read'),
        at: performance.now(),
      })
    })
    this.socket.on('close', code => (this.closed = code))
    this.socket.on('error', () => {})
  }

  get pages(): MapPage[] {
    return this.received.flatMap(({ message }) => (message.type === 'changes' ? [message.page] : []))
  }

  /** When a matching change of the member was received. */
  receivedAt(peerId: string, removal = false): number | undefined {
    return this.received.findLast(
      ({ message }) =>
        message.type === 'changes' &&
        message.page.changes.some(change => change.peerId === peerId && isRemoval(change) === removal),
    )?.at
  }
}
