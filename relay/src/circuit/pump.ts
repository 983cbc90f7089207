/**
 * One direction of a circuit: what comes from one stream goes to the other, all pieces of a tick together. Nothing is
 * held back but what came in one tick: when the destination is full, or the sender over its rate, the source is paused.
 */
import { onChunks, sendPieces } from '@agent-mesh/agent/transport/index'
import type { Connection, Stream } from '@libp2p/interface'
import type { WriteTick } from './write-tick.ts'
import type { TrafficShaper } from './traffic-shaper.ts'

export interface PumpInit {
  from: Stream
  to: Stream
  /** Connection of `to`. */
  connection: Connection
  /** Peer id of the sender. */
  member: string
  shaper: TrafficShaper
  tick: WriteTick
  onBytes: (bytes: number) => void
  /** All that arrived was forwarded, and the destination has the end of the stream. */
  onEnd: () => void
  /** The circuit cannot continue. */
  onFailure: (error: Error) => void
  /** The sender has used up its day. */
  onSpent: () => void
}

export class Pump {
  readonly #onBytes: (bytes: number) => void
  readonly #shaper: TrafficShaper
  readonly #member: string
  readonly #tick: WriteTick
  readonly #connection: Connection
  readonly #onSpent: () => void
  readonly #to: Stream
  readonly #onFailure: (error: Error) => void
  readonly #from: Stream
  readonly #onForwarded: () => void
  readonly #readNoMore: () => void
  #pieces: Uint8Array[] = []
  #full = false
  #giveUpTurn: (() => void) | undefined
  #resuming = false
  #finished = false
  #stopped = false

  constructor(init: PumpInit) {
    this.#onBytes = init.onBytes
    this.#shaper = init.shaper
    this.#member = init.member
    this.#tick = init.tick
    this.#connection = init.connection
    this.#onSpent = init.onSpent
    this.#to = init.to
    this.#onFailure = init.onFailure
    this.#from = init.from
    this.#onForwarded = init.onEnd
    const { from, to } = init
    this.#readNoMore = onChunks(from, chunk => this.#onChunk(chunk))
    // Sent by the peer, as against an end that is only the loss of the connection.
    from.addEventListener('remoteCloseWrite', this.#onFinish)
    from.addEventListener('end', this.#onEnd)
    from.addEventListener('close', this.#onClose)
    to.addEventListener('drain', this.#onDrain)
    to.addEventListener('idle', this.#onDrain)
    // It may have ended before a listener was added.
    this.#finished = from.remoteWriteStatus === 'closed'
    if (from.readStatus === 'closed' && from.readBufferLength === 0) queueMicrotask(this.#onEnd)
  }

  #onChunk(chunk: Uint8Array): void {
    this.#onBytes(chunk.byteLength)
    const mayGoOn = this.#shaper.charge(this.#member, chunk.byteLength)
    this.#pieces.push(chunk)
    this.#tick.write(this.#connection, this)
    if (this.#shaper.spent(this.#member) !== undefined) return this.#onSpent()
    if (mayGoOn || this.#giveUpTurn !== undefined) return
    this.#giveUpTurn = this.#shaper.await(this.#member, () => {
      this.#giveUpTurn = undefined
      this.#resume()
    })
    this.#pause()
  }

  /** Forwards what arrived in this tick. */
  flush(): void {
    const pieces = this.#pieces
    if (this.#stopped || pieces.length === 0) return
    this.#pieces = []
    try {
      this.#full = !sendPieces(this.#to, pieces)
    } catch (error) {
      return this.#onFailure(error as Error)
    }
    if (this.#full) this.#pause()
  }

  /** After libp2p, which writes in a microtask of the same event what its own buffer holds. */
  readonly #onDrain = (): void =>
    queueMicrotask(() => {
      if (!this.#full || this.#to.writableNeedsDrain || this.#to.writeBufferLength > 0) return
      this.#full = false
      this.#resume()
    })

  #resume(): void {
    if (this.#stopped || this.#full || this.#giveUpTurn !== undefined) return
    if (this.#from.readStatus !== 'paused') return
    // A stream that is paused by those it hands its buffer to while it resumes would tell its peer to continue all the same.
    this.#resuming = true
    this.#from.resume()
    this.#resuming = false
    if (this.#full || this.#giveUpTurn !== undefined) this.#pause()
  }

  #pause(): void {
    if (!this.#resuming && this.#from.readStatus === 'readable') this.#from.pause()
  }

  readonly #onFinish = (): void => void (this.#finished = true)

  readonly #onEnd = (): void => {
    if (this.#stopped || !this.#finished) return
    this.flush()
    this.#to.close().then(this.#onForwarded, this.#onFailure)
  }

  readonly #onClose = ({ error }: { error?: Error }): void => {
    if (error !== undefined) this.#onFailure(error)
    else if (!this.#finished) this.#onFailure(new Error('the connection of one end has closed'))
  }

  /** Releases both streams. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#pieces = []
    this.#giveUpTurn?.()
    this.#readNoMore()
    this.#from.removeEventListener('remoteCloseWrite', this.#onFinish)
    this.#from.removeEventListener('end', this.#onEnd)
    this.#from.removeEventListener('close', this.#onClose)
    this.#to.removeEventListener('drain', this.#onDrain)
    this.#to.removeEventListener('idle', this.#onDrain)
  }
}
