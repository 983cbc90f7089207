import { MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol/errors'
import {
  decodeError,
  encodeBody,
  maxTimeoutMs,
  type BatchFrame,
  type CreditFrame,
  type DataFrame,
  type EncodedBody,
  type EndFrame,
  type StreamField,
} from '@agent-mesh/protocol/wire/index'
import { PendingCall, type CallOwner, type LinkCallOptions } from '../calls/pending-call.ts'
import { noRoom, type StreamLinkParts } from './inbound-stream.ts'
import { MessageReceiver, type ReadMessage } from './message-receiver.ts'
import { MessageSender } from './message-sender.ts'
import { iteratorOf, sendAll, type Messages } from './send-all.ts'
import { ReceiveWindow } from './window.ts'

export interface LinkStreamOptions extends Omit<LinkCallOptions, 'onDoubt'> {
  /** Monotonic ms (the wheel's clock) when the whole stream ends; `timeoutMs` is for its begin. @default no deadline */
  readonly endsAt?: number | undefined
  /** Messages for the handler; asked for when it reads. @default none */
  readonly input?: Messages | undefined
  /** A message of `input` as the wire carries it. @default as JSON or bytes */
  readonly encode?: ((value: unknown) => EncodedBody | Promise<EncodedBody>) | undefined
  /** What each message of the handler passes. */
  readonly read?: ReadMessage | undefined
  /** Bytes that the handler may be ahead of the reader at most. @default 64 KiB at first, up to 4 MiB */
  readonly window?: number | undefined
}

/** A stream whose handler has begun. */
export interface LinkStream {
  /** Ends with the stream; throws what ended it. To leave it early cancels the stream. */
  readonly messages: AsyncIterableIterator<unknown, undefined>
  /** What the handler returned. Rejects with what ended the stream; may be left alone. */
  readonly result: Promise<unknown>
  /** Ends it here and at the callee. Idempotent. */
  cancel(reason?: string): void
}

/** The owner of streams. */
export interface StreamOwner extends CallOwner {
  /** The handler has begun: from now on monotonic ms `endsAt` is the deadline; Infinity: there is none. */
  began(stream: PendingStream, endsAt: number): void
}

/** The caller's end of a stream. */
export class PendingStream extends PendingCall implements LinkStream {
  readonly messages: MessageReceiver
  readonly begun: Promise<LinkStream>
  readonly endsAt: number
  /** What its request says of it. */
  readonly field: StreamField
  readonly #owner: StreamOwner
  readonly #link: StreamLinkParts
  readonly #input: Messages | undefined
  readonly #encode: (value: unknown) => EncodedBody | Promise<EncodedBody>
  readonly #sender: MessageSender
  #open = true
  #hasBegun = false
  #resolveBegun!: (stream: LinkStream) => void
  #rejectBegun!: (error: MeshError) => void

  /** @throws MeshError `overloaded` when there is no room for what the handler sends */
  constructor(
    owner: StreamOwner,
    link: StreamLinkParts,
    id: number,
    method: string,
    timeoutMs: number,
    options: LinkStreamOptions,
  ) {
    super(owner, id, method, timeoutMs, options)
    const { endsAt = Infinity, input, encode, read, window: bytes } = options
    this.#owner = owner
    this.#link = link
    this.endsAt = endsAt
    this.#input = input
    this.#encode = encode ?? (value => encodeBody(value, 'message', method))
    const window = new ReceiveWindow(link.budget, bytes)
    const credit = window.open(link.now())
    if (credit === 0) throw noRoom(method)
    this.field = { credit, input: input !== undefined }
    this.#sender = new MessageSender({ id, fromCallee: false, outbox: link.outbox, credit: 0 })
    this.messages = new MessageReceiver({
      ...link,
      window,
      read,
      credit,
      giveCredit: more => this.#give(more),
      onLeft: error => this.#left(error),
    })
    this.begun = new Promise((resolve, reject) => {
      this.#resolveBegun = resolve
      this.#rejectBegun = reject
    })
    // Readers of the messages get the error from them.
    this.promise.catch(() => undefined)
  }

  get result(): Promise<unknown> {
    return this.promise
  }

  /** Remaining ms as its request says them. */
  wireMs(now: number): number {
    return this.endsAt === Infinity ? maxTimeoutMs : this.endsAt - now
  }

  cancel(reason = 'cancelled by the caller'): void {
    if (this.#open) this.#owner.giveUp(this, 'cancelled', reason)
  }

  /** @throws MeshError `protocol_error` for what a callee must not send */
  receive(frame: DataFrame | BatchFrame | CreditFrame | EndFrame): void {
    if (!this.#open) return
    this.#begin()
    if (frame.type === 'data' || frame.type === 'batch') this.messages.onData(frame)
    else if (frame.type === 'credit') this.#sender.credited(frame.credit)
    else this.#sender.close(unwanted(this.method, frame))
  }

  override resolve(value: unknown): void {
    this.#begin()
    this.#end(new MeshError('cancelled', `Cannot send to ${this.method}: it has ended`))
    super.resolve(value)
    this.messages.finish()
  }

  override reject(error: MeshError): void {
    this.#end(error)
    super.reject(error)
    this.#rejectBegun(error)
    if (endsAtOnce.includes(error.code) && !error.told) this.messages.fail(error)
    else this.messages.finish(error)
  }

  #begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#owner.began(this, this.endsAt)
    this.#resolveBegun(this)
    if (this.#input !== undefined) void this.#sendInput(this.#input)
  }

  async #sendInput(input: Messages): Promise<void> {
    try {
      await sendAll(iteratorOf(input, `the input of ${this.method}`), this.#sender, this.#encode)
      this.#sender.end()
    } catch (error) {
      // Nothing is sent where the stream has ended, or no more is wanted.
      this.#sender.end(toMeshError(error, 'application', `send the input of ${this.method}`))
    }
  }

  #end(error: MeshError): void {
    this.#open = false
    this.#sender.close(error)
  }

  #give(bytes: number): void {
    if (!this.#open) return
    this.#link.outbox.encoder.credit(this.id, false, bytes)
    this.#link.outbox.appended()
  }

  /** The program reads no more. */
  #left(error: MeshError | undefined): void {
    if (!this.#open) return
    const { code, message } =
      error === undefined
        ? { code: 'cancelled' as const, message: 'its reader left' }
        : toMeshError(error, 'internal', `read ${this.method}`)
    this.#owner.giveUp(this, code, message)
  }
}

/** Codes after which messages that were not read are dropped. */
const endsAtOnce: readonly ErrorCode[] = ['cancelled', 'deadline_exceeded']

const unwanted = (method: string, { code, body }: EndFrame): MeshError =>
  code === undefined
    ? new MeshError('cancelled', `Cannot send to ${method}: it reads no more messages`)
    : decodeError(code, body)
