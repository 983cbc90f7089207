/** Writes frames to a peer that may be slow: control frames wait, messages are dropped from the oldest on. */
import { encodeTopicFrame, MeshError, type TopicFrame } from '@agent-mesh/protocol'
import type { ByteStream } from '../core/byte-stream.ts'
import { topicDefaults } from './defaults.ts'

interface Waiting {
  readonly pieces: readonly Uint8Array[]
  readonly bytes: number
  /** Of a message: it was dropped. */
  readonly onDrop?: () => void
}

const sizeOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, { byteLength }) => sum + byteLength, 0)

export class FrameSender {
  readonly #stream: ByteStream
  readonly #limit: () => number
  #waiting: Waiting[] = []
  #messages = 0
  #messageBytes = 0
  #controlBytes = 0
  #blocked = false
  #scheduled = false
  #room: PromiseWithResolvers<void> | undefined

  /** @param limit bytes of messages that may wait */
  constructor(stream: ByteStream, limit: () => number = () => topicDefaults.queuedBytes) {
    this.#stream = stream
    this.#limit = limit
    stream.onDrain(() => {
      this.#blocked = false
      this.#flush()
    })
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.#messageBytes + this.#controlBytes
  }

  /** Sends what is never dropped; a peer that does not read is cut off. */
  send(frame: TopicFrame, bodies?: Uint8Array): void {
    const pieces = encodeTopicFrame(frame, bodies)
    const bytes = sizeOf(pieces)
    this.#controlBytes += bytes
    if (this.#controlBytes > topicDefaults.controlBytes) {
      this.stop()
      return this.#stream.abort(new MeshError('overloaded', 'Cannot send to the peer: it does not read'))
    }
    this.#add({ pieces, bytes })
  }

  /** Sends a message, or drops the oldest ones for it while the peer is slow. @param pieces a frame, perhaps of several senders */
  offer(pieces: readonly Uint8Array[], onDrop: () => void): void {
    const bytes = sizeOf(pieces)
    this.#messages++
    this.#messageBytes += bytes
    this.#add({ pieces, bytes, onDrop })
    while (this.#messages > 1 && this.#isFull()) this.#dropOldest()
  }

  /** As {@link offer}, of a frame for this peer alone. */
  publish(frame: TopicFrame, bodies: Uint8Array, onDrop: () => void): void {
    this.offer(encodeTopicFrame(frame, bodies), onDrop)
  }

  /** Resolves when less than the limit waits. */
  async room(): Promise<void> {
    if (this.waiting < this.#limit() || !this.#stream.writable) return
    this.#room ??= Promise.withResolvers()
    await this.#room.promise
  }

  /** Nothing is sent from now on. */
  stop(): void {
    this.#waiting = []
    this.#messages = this.#messageBytes = this.#controlBytes = 0
    this.#room?.resolve()
    this.#room = undefined
  }

  #isFull(): boolean {
    return this.#messages > topicDefaults.queuedMessages || this.#messageBytes > this.#limit()
  }

  #dropOldest(): void {
    const at = this.#waiting.findIndex(({ onDrop }) => onDrop !== undefined)
    const [dropped] = this.#waiting.splice(at, 1)
    if (dropped === undefined) return
    this.#sent(dropped)
    dropped.onDrop?.()
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting)
    if (this.#blocked || this.#scheduled) return
    this.#scheduled = true
    // All of a tick in one write.
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    while (!this.#blocked && this.#waiting.length > 0) {
      const pieces: Uint8Array[] = []
      let bytes = 0
      let count = 0
      for (const item of this.#waiting) {
        if (count > 0 && bytes + item.bytes > topicDefaults.writeBytes) break
        pieces.push(...item.pieces)
        bytes += item.bytes
        count++
        this.#sent(item)
      }
      this.#waiting.splice(0, count)
      this.#blocked = !this.#stream.send(pieces)
    }
    if (this.waiting >= this.#limit()) return
    this.#room?.resolve()
    this.#room = undefined
  }

  #sent({ bytes, onDrop }: Waiting): void {
    if (onDrop === undefined) this.#controlBytes -= bytes
    else {
      this.#messages--
      this.#messageBytes -= bytes
    }
  }
}
