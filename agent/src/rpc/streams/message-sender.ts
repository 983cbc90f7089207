import { MeshError } from '@agent-mesh/protocol/errors'
import {
  bodyBytes,
  dataBytes,
  dataFrameCost,
  encodeError,
  isBatched,
  maxCredit,
  preambleBytes,
  wireLimits,
  type EncodedBody,
  type FrameEncoder,
} from '@agent-mesh/protocol/wire/index'
import { partBytes } from '../defaults.ts'
import type { Outbox } from '../outbox.ts'
import type { QueuedFrame } from '../send-queue.ts'
import { burstMessages, leastPieceBytes } from './defaults.ts'

export interface MessageSenderInit {
  readonly id: number
  readonly fromCallee: boolean
  readonly outbox: Outbox
  /** Bytes that it may send before it is given credit. */
  readonly credit: number
}

/** UTF-16 units become at most this many bytes of UTF-8 each. */
const utf8PerUnit = 3

/**
 * Sends the messages of one direction of a stream, one at a time, as the reader has room for them and the link accepts more. Small ones
 * join the frames of the tick, behind small calls that wait; larger pieces take turns with the large bodies of the link.
 */
export class MessageSender {
  readonly #id: number
  readonly #fromCallee: boolean
  readonly #outbox: Outbox
  #credit: number
  #burst = 0
  #closedBy: MeshError | undefined
  #ended = false
  #waiting: { need: number; resolve: () => void; reject: (error: MeshError) => void } | undefined
  #queued: QueuedFrame | undefined
  #onClosed: (() => void) | undefined
  readonly #look = (): void => this.#check()

  constructor({ id, fromCallee, outbox, credit }: MessageSenderInit) {
    this.#id = id
    this.#fromCallee = fromCallee
    this.#outbox = outbox
    this.#credit = credit
  }

  /** Called once when nothing more may be sent. */
  onClosed(callback: () => void): void {
    this.#onClosed = callback
    if (this.#closedBy !== undefined) callback()
  }

  /** The reader has room for more. @throws MeshError `protocol_error` for more credit than any window has */
  credited(bytes: number): void {
    this.#credit += bytes
    if (this.#credit > maxCredit)
      throw new MeshError(
        'protocol_error',
        `Cannot send on the stream: it has ${this.#credit} bytes of credit`,
      )
    this.#check()
  }

  /**
   * Whether a message may be sent now: undefined; or a promise of it.
   * @throws MeshError why the stream has ended, also as a rejection
   */
  ready(): Promise<void> | undefined {
    if (this.#closedBy !== undefined) throw this.#closedBy
    if (this.#burst >= burstMessages) {
      this.#burst = 0
      return new Promise(resolve => setImmediate(resolve))
    }
    return this.#mayPiece(leastPieceBytes) ? undefined : this.#wait(leastPieceBytes)
  }

  /**
   * Sends a message; a promise where not all of it could go at once.
   * @throws MeshError `too_large`, or why the stream has ended, also as a rejection
   */
  send(body: EncodedBody): Promise<void> | undefined {
    if (this.#closedBy !== undefined) throw this.#closedBy
    this.#burst++
    const { json, tail } = body
    const most = (json?.length ?? 0) * utf8PerUnit + (tail?.byteLength ?? 0) + 4 + dataFrameCost
    if (most > this.#credit || !this.#outbox.takes(body)) return this.#sendPieces(body)
    const { encoder, batches } = this.#outbox
    if (batches && isBatched(body, most)) this.#credit -= encoder.batched(this.#id, this.#fromCallee, body)
    else this.#sendFrame(encoder, body)
    this.#outbox.gathered()
    return undefined
  }

  #sendFrame(encoder: FrameEncoder, body: EncodedBody): void {
    const before = encoder.pending
    encoder.data(this.#id, this.#fromCallee, body)
    this.#credit -= encoder.pending - before - preambleBytes + dataFrameCost
  }

  /** No more messages come. */
  end(error?: MeshError): void {
    if (this.#closedBy !== undefined || this.#ended) return
    this.#ended = true
    const why = error === undefined ? undefined : { code: error.code, body: encodeError(error) }
    this.#outbox.encoder.end(this.#id, this.#fromCallee, why)
    this.#outbox.appended()
  }

  /** Nothing more may be sent. */
  close(error: MeshError): void {
    if (this.#closedBy !== undefined) return
    this.#closedBy = error
    if (this.#queued !== undefined) this.#outbox.drop(this.#queued)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
    this.#onClosed?.()
  }

  async #sendPieces(body: EncodedBody): Promise<void> {
    const bytes = bodyBytes(body)
    if (bytes.length > wireLimits.bodyBytes)
      throw new MeshError(
        'too_large',
        `Cannot send a message of ${bytes.length} bytes: the limit is ${wireLimits.bodyBytes}`,
      )
    for (let at = 0; at === 0 || at < bytes.length;) {
      const need = Math.min(bytes.length - at, leastPieceBytes)
      if (!this.#mayPiece(need)) await this.#wait(need)
      const size = Math.min(bytes.length - at, dataBytes, this.#credit - dataFrameCost)
      const piece = bytes.subarray(at, at + size)
      at += size
      await this.#sendPiece(piece, { tail: body.tail !== undefined, more: at < bytes.length })
      if (bytes.length === 0) return
    }
  }

  #sendPiece(bytes: Buffer, how: { tail: boolean; more: boolean }): Promise<void> | undefined {
    this.#credit -= bytes.length + dataFrameCost
    if (bytes.length <= partBytes) {
      this.#outbox.encoder.dataPiece(this.#id, this.#fromCallee, bytes, how)
      this.#outbox.appended()
      return undefined
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#queued = this.#outbox.queue({
      body: { json: undefined, tail: bytes },
      encode: encoder => encoder.dataPiece(this.#id, this.#fromCallee, bytes, how),
      onWritten: () => {
        this.#queued = undefined
        this.#waiting = undefined
        resolve()
      },
    })
    this.#waiting = { need: Infinity, resolve, reject }
    return promise
  }

  #mayPiece(need: number): boolean {
    return this.#credit >= need + dataFrameCost && this.#outbox.open
  }

  #wait(need: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting = { need, resolve, reject }
    if (this.#credit >= need + dataFrameCost) this.#outbox.whenOpen(this.#look)
    return promise
  }

  #check(): void {
    const waiting = this.#waiting
    if (waiting === undefined || this.#credit < waiting.need + dataFrameCost) return
    if (!this.#outbox.open) return this.#outbox.whenOpen(this.#look)
    this.#waiting = undefined
    waiting.resolve()
  }
}
