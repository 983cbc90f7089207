import { MeshError } from '@agent-mesh/protocol/errors'
import { encodeError, thrownByValue } from '@agent-mesh/protocol/wire/index'
import type { EncodedBody, FrameEncoder, RequestFrame } from '@agent-mesh/protocol/wire/index'
import type { ByteBudget } from '../byte-budget.ts'
import type { InboundRequest } from './inbound-request.ts'
import type { Outbox } from '../outbox.ts'
import { QueuedFrame } from '../send-queue.ts'

export interface AnswersInit {
  readonly outbox: Outbox
  readonly budget: ByteBudget
  /** The stream has accepted an answer that was not sent at once. */
  readonly onWritten: (request: InboundRequest) => void
  /** No frame can carry an answer that waited for room. */
  readonly onUnsendable: (request: InboundRequest, error: unknown) => void
}

/** The answers to a peer's requests on their way to the outbox: at once, in its queue, or when there is room for them. */
export class Answers {
  readonly #outbox: Outbox
  readonly #budget: ByteBudget
  readonly #onWritten: AnswersInit['onWritten']
  readonly #onUnsendable: AnswersInit['onUnsendable']
  /** Answered by their handlers; the answers wait for room. */
  readonly #waiting = new Set<InboundRequest>()
  #stopWaiting: (() => void) | undefined

  constructor({ outbox, budget, onWritten, onUnsendable }: AnswersInit) {
    this.#outbox = outbox
    this.#budget = budget
    this.#onWritten = onWritten
    this.#onUnsendable = onUnsendable
  }

  /**
   * Sends an answer, queues it, or lets it wait until there is room for it.
   * @returns whether the stream has accepted it; else `onWritten` is called when it has
   * @throws MeshError when no frame can carry it
   */
  send(request: InboundRequest, whole: EncodedBody): boolean {
    const body = this.#outbox.packed(whole)
    if (this.#outbox.takes(body)) {
      this.#outbox.encoder.response(request.id, body)
      this.#outbox.appended()
      return true
    }
    if (this.#budget.hasRoom) this.#queue(request, body)
    else this.#hold(request, body)
    return false
  }

  /** Sends what names a result that the caller fetches. */
  refer(id: number, reference: EncodedBody): void {
    this.#outbox.encoder.response(id, reference, true)
    this.#outbox.appended()
  }

  /** The handler of this request is not started. */
  refuse(
    { id, method }: Pick<RequestFrame, 'id' | 'method'>,
    code: 'going_away' | 'overloaded' | 'deadline_exceeded',
    reason: string,
  ): void {
    this.error(id, new MeshError(code, `Cannot call ${method}: ${reason}`, { notStarted: true }))
  }

  error(id: number, error: MeshError): void {
    this.#outbox.encoder.error(id, error.code, encodeError(error), error.notStarted)
    this.#outbox.appended()
  }

  /** The caller no longer waits for an answer: the rest of it is not sent. @returns whether one was on its way */
  withdraw(request: InboundRequest): boolean {
    const { reply } = request
    if (reply === undefined) return false
    if (reply instanceof QueuedFrame) this.#outbox.drop(reply)
    else this.#waiting.delete(request)
    this.#waitNoMore()
    return true
  }

  #queue(request: InboundRequest, body: EncodedBody): void {
    const encode = (encoder: FrameEncoder): void => encoder.response(request.id, body)
    request.reply = this.#outbox.queue({ body, encode, onWritten: () => this.#onWritten(request) })
  }

  #hold(request: InboundRequest, body: EncodedBody): void {
    request.reply = body
    this.#waiting.add(request)
    this.#stopWaiting ??= this.#budget.whenRoom(() => this.#sendWaiting())
  }

  #sendWaiting(): void {
    for (const request of this.#waiting) {
      if (!this.#budget.hasRoom) return
      this.#waiting.delete(request)
      try {
        if (this.send(request, request.reply as EncodedBody)) this.#onWritten(request)
      } catch (error) {
        this.#onUnsendable(request, error)
      }
    }
    this.#waitNoMore()
  }

  #waitNoMore(): void {
    if (this.#waiting.size > 0) return
    this.#stopWaiting?.()
    this.#stopWaiting = undefined
  }
}

/**
 * What a handler returned is not the fault of the caller's argument; what its result throws while it is encoded is as if the handler
 * threw it.
 */
export function unsendable(error: unknown): unknown {
  const of = thrownByValue(error)
  if (of !== undefined) return of.thrown
  const code = error instanceof MeshError && error.code === 'too_large' ? 'too_large' : 'application'
  return new MeshError(code, error instanceof Error ? error.message : String(error))
}
