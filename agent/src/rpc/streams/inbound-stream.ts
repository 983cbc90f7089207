import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import {
  decodeError,
  type BatchFrame,
  type CreditFrame,
  type DataFrame,
  type EncodedBody,
  type EndFrame,
  type StreamField,
} from '@agent-mesh/protocol/wire/index'
import type { ByteBudget } from '../byte-budget.ts'
import type { Outbox } from '../outbox.ts'
import { MessageReceiver, type ReadMessage } from './message-receiver.ts'
import { MessageSender } from './message-sender.ts'
import { iteratorOf, sendAll } from './send-all.ts'
import { ReceiveWindow } from './window.ts'

/** What streams need of their link. */
export interface StreamLinkParts {
  readonly outbox: Outbox
  /** Of which windows are allotted. */
  readonly budget: ByteBudget
  /** Monotonic ms. */
  readonly now: () => number
  /** Round trip of the path; undefined: not known yet. */
  readonly rttMs: () => number | undefined
}

/** A stream as its handler has it. */
export interface ServedStream {
  /** The messages of the caller: none where it has none. @throws MeshError `internal` before {@link begin} */
  readonly input: AsyncIterableIterator<unknown, undefined>
  /**
   * Tells the caller that the handler begins.
   * @param read what each message of the caller passes
   * @returns {@link input}
   * @throws MeshError `overloaded`, not started, when there is no room for them
   */
  begin(read?: ReadMessage): AsyncIterableIterator<unknown, undefined>
  /** Sends what a handler yields. @returns what it returned @throws what it throws, or why the stream has ended */
  sendAll(messages: unknown, encode: (value: unknown) => EncodedBody | Promise<EncodedBody>): Promise<unknown>
}

/** The callee's end of a stream. */
export class InboundStream implements ServedStream {
  readonly #id: number
  readonly #method: string
  readonly #link: StreamLinkParts
  readonly #input: boolean
  readonly #sender: MessageSender
  #receiver: MessageReceiver | undefined
  #ended = false

  constructor(id: number, method: string, { credit, input }: StreamField, link: StreamLinkParts) {
    this.#id = id
    this.#method = method
    this.#link = link
    this.#input = input
    this.#sender = new MessageSender({ id, fromCallee: true, outbox: link.outbox, credit })
  }

  get input(): AsyncIterableIterator<unknown, undefined> {
    if (this.#receiver === undefined)
      throw new MeshError('internal', `Cannot read messages for ${this.#method}: it has not begun`)
    return this.#receiver
  }

  begin(read?: ReadMessage): AsyncIterableIterator<unknown, undefined> {
    const window = new ReceiveWindow(this.#link.budget)
    const credit = this.#input ? window.open(this.#link.now()) : 0
    if (this.#input && credit === 0) throw noRoom(this.#method)
    const receiver = new MessageReceiver({
      ...this.#link,
      window,
      read,
      credit,
      giveCredit: bytes => this.#give(bytes),
      onLeft: error => this.#left(error),
    })
    if (!this.#input) receiver.finish()
    this.#receiver = receiver
    this.#give(credit)
    return receiver
  }

  sendAll(
    messages: unknown,
    encode: (value: unknown) => EncodedBody | Promise<EncodedBody>,
  ): Promise<unknown> {
    return sendAll(iteratorOf(messages, `what ${this.#method} yields`), this.#sender, encode)
  }

  /** @throws MeshError `protocol_error` for what a caller must not send */
  receive(frame: DataFrame | BatchFrame | CreditFrame | EndFrame): void {
    if (this.#ended) return
    if (frame.type === 'credit') return this.#sender.credited(frame.credit)
    if (this.#receiver === undefined || !this.#input)
      throw new MeshError(
        'protocol_error',
        `Cannot serve ${this.#method}: messages came before credit for them`,
      )
    if (frame.type === 'data' || frame.type === 'batch') return this.#receiver.onData(frame)
    this.#receiver.onEnd(frame.code === undefined ? undefined : decodeError(frame.code, frame.body))
  }

  /** The caller no longer waits, or the answer is sent. */
  end(error: MeshError): void {
    if (this.#ended) return
    this.#ended = true
    this.#sender.close(error)
    this.#receiver?.fail(error)
  }

  #give(bytes: number): void {
    if (this.#ended) return
    this.#link.outbox.encoder.credit(this.#id, true, bytes)
    this.#link.outbox.appended()
  }

  #left(error: MeshError | undefined): void {
    if (!this.#ended)
      this.#sender.end(error === undefined ? undefined : toMeshError(error, 'internal', 'read'))
  }
}

export const noRoom = (method: string): MeshError =>
  new MeshError(
    'overloaded',
    `Cannot call ${method}: the streams of this link take all the memory they may`,
    {
      hint: 'End streams that are not read, or open fewer at a time.',
      notStarted: true,
    },
  )
